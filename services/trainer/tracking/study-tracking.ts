import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { type Study, type Trial, trialHasEnded } from "../../pipeline/study.ts";
import type { Metric, RunStatus, Tags } from "../../tracking/mlflow-client.ts";
import { attemptsAllowed } from "../../tracking/mlflow-requests.ts";
import type { RunLog, TrackedRun } from "../../tracking/run-log.ts";
import type { TrackingQueue } from "../../tracking/tracking-queue.ts";
import {
  bestValues,
  STUDY_STATUSES,
  studyTags,
  TRIAL_STATUSES,
  trialMetrics,
  trialParameters,
  trialRunId,
  trialTags,
} from "./study-fields.ts";

/** A study as it is at the time of the call. */
export interface TrackedStudy {
  readonly id: string;
  study(): Study;
}

/** Told of studies; never waits and never throws. */
export interface StudyTracking {
  /** A study, or a trial of it, has changed on disk. */
  changed(tracked: TrackedStudy): void;
  /** Ends at the server what has ended here while the server, or the trainer, was away. */
  restored(ended: readonly TrackedStudy[]): void;
}

export interface StudyTrackingDeps {
  readonly pipeline: string;
  readonly component: string;
  readonly codeVersion: string;
  /** What all trials have in common, as parameters. @throws UncoupleError if the trainer cannot read it any more */
  settings(teamFile: string): Tags;
  readonly log: RunLog;
  readonly queue: Pick<TrackingQueue, "add">;
  readonly clock: Clock;
}

/** What the server has of a study. */
interface Progress {
  /** The study's own run, and its id there. */
  readonly run: TrackedRun;
  readonly parent: string;
  /** Number of measurements of each trial that goes on there. */
  readonly open: Map<number, number>;
  /** Trials with nothing left to log. */
  readonly done: Set<number>;
  /** Of trials that it refuses. */
  readonly refusals: Map<number, number>;
  /** The tags of the study, as text. */
  tags: string;
}

/** Trials that are logged at once, so that runs do not wait for a study that has many. */
const AT_ONCE = 20;

/** The tracking of studies of a trainer that is not asked to track. */
export const noStudyTracking: StudyTracking = { changed() {}, restored() {} };

/**
 * Logs each study as a run, and its trials as runs nested in it. The trainer has all of a study on disk: each time something
 * changes there, what the server does not have yet is logged, so that neither an outage nor a kill leaves a gap.
 */
export function createStudyTracking(deps: StudyTrackingDeps): StudyTracking {
  const { pipeline, component, codeVersion, log, queue, clock } = deps;
  const studies = new Map<string, Progress>();

  const tagsOf = (study: string): Tags => ({
    "mlflow.source.name": "uncouple",
    "uncouple.pipeline": pipeline,
    "uncouple.component": component,
    "uncouple.code_version": codeVersion,
    "uncouple.study": study,
  });

  function settingsOf(teamFile: string): Tags {
    try {
      return deps.settings(teamFile);
    } catch {
      // The study fails for the same reason, and says so.
      return {};
    }
  }

  const parentOf = ({ id, startedAt, teamFile }: Study): TrackedRun => ({
    id,
    name: `${component} study ${id}`,
    startedAt: Date.parse(startedAt),
    tags: tagsOf(id),
    params: settingsOf(teamFile),
  });
  const childOf = (study: string, parent: string, trial: Trial): TrackedRun => ({
    id: trialRunId(study, trial.trial),
    name: `${component} trial ${trial.trial} of ${study}`,
    startedAt: clock.now(),
    tags: { ...tagsOf(study), "uncouple.trial": String(trial.trial), "mlflow.parentRunId": parent },
    params: trialParameters(trial),
  });

  async function begin(study: Study, signal: AbortSignal): Promise<Progress> {
    const run = parentOf(study);
    const parent = await log.begin(run, signal);
    const statuses = await log.statuses("uncouple.study", study.id, signal);
    const open = new Map<number, number>();
    const done = new Set<number>();
    for (const { trial, state } of study.trials) {
      const status = statuses.get(trialRunId(study.id, trial));
      if (status === "RUNNING") open.set(trial, 0);
      else if (status !== undefined && status === TRIAL_STATUSES[state]) done.add(trial);
    }
    return { run, parent, open, done, refusals: new Map(), tags: "" };
  }

  async function logTrial(study: string, trial: Trial, progress: Progress, signal: AbortSignal): Promise<void> {
    const run = childOf(study, progress.parent, trial);
    const metrics = trialMetrics(trial, clock.now());
    const status = TRIAL_STATUSES[trial.state];
    if (status === undefined) {
      if (!progress.open.has(trial.trial)) await log.begin(run, signal);
      await log.log(run, { metrics }, signal);
      progress.open.set(trial.trial, trial.measured.length);
      return;
    }
    await log.end(run, { status, endedAt: clock.now(), metrics, tags: trialTags(trial) }, signal);
    progress.open.delete(trial.trial);
    progress.done.add(trial.trial);
  }

  function isNews(trial: Trial, { open, done }: Progress): boolean {
    if (done.has(trial.trial)) return false;
    if (trialHasEnded(trial)) return true;
    const logged = open.get(trial.trial);
    return logged === undefined ? trial.state === "running" : logged < trial.measured.length;
  }

  /** @returns whether nothing is left */
  async function sync(tracked: TrackedStudy, signal: AbortSignal): Promise<boolean> {
    const study = tracked.study();
    const progress = studies.get(study.id) ?? (await begin(study, signal));
    studies.set(study.id, progress);
    const news = study.trials.filter((trial) => isNews(trial, progress));
    for (const trial of news.slice(0, AT_ONCE)) {
      try {
        await logTrial(study.id, trial, progress, signal);
      } catch (thrown) {
        // As the queue counts, which gives up on this work then: what comes after the trial must not.
        const allowed = attemptsAllowed(asUncoupleError(thrown));
        const refusals = (progress.refusals.get(trial.trial) ?? 0) + (Number.isFinite(allowed) ? 1 : 0);
        progress.refusals.set(trial.trial, refusals);
        if (refusals >= allowed) {
          progress.done.add(trial.trial);
          changed(tracked);
        }
        throw thrown;
      }
    }
    if (news.length > AT_ONCE) return false;
    const metrics = bestValues(study, clock.now());
    const status = STUDY_STATUSES[study.state];
    if (status !== undefined) {
      await end(study, progress, { status, metrics }, signal);
      return true;
    }
    const tags = studyTags(study);
    const text = JSON.stringify(tags);
    await log.log(progress.run, { metrics, ...(text !== progress.tags && { tags }) }, signal);
    progress.tags = text;
    return true;
  }

  async function end(
    study: Study,
    { run, parent, open }: Progress,
    { status, metrics }: { readonly status: RunStatus; readonly metrics: readonly Metric[] },
    signal: AbortSignal,
  ): Promise<void> {
    // The study may go on one day, and with it what it was stopped in.
    for (const trial of study.trials.filter(({ trial }) => open.has(trial))) {
      await log.hold(childOf(study.id, parent, trial), signal);
    }
    const endedAt = study.finishedAt === null ? clock.now() : Date.parse(study.finishedAt);
    await log.end(run, { status, endedAt, metrics, tags: studyTags(study) }, signal);
    studies.delete(study.id);
  }

  function changed(tracked: TrackedStudy): void {
    queue.add(`${component} study ${tracked.id}`, async (signal) => {
      if (!(await sync(tracked, signal))) changed(tracked);
    });
  }

  return {
    changed,
    restored(ended) {
      queue.add(`${component} restored studies`, async (signal) => {
        const unended = new Set(await log.unended(component, signal));
        for (const tracked of ended) if (unended.has(tracked.id)) changed(tracked);
      });
    },
  };
}
