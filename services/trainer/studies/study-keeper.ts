import { randomBytes } from "node:crypto";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { SearchParameters } from "../../pipeline/search.ts";
import { isActive, type Study, type Trial, trialHasEnded } from "../../pipeline/study.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { StudyTracking } from "../tracking/study-tracking.ts";
import type { DriveStudy, StudyPlan } from "./drive-study.ts";
import type { StoredStudy } from "./stored-study.ts";
import { createStudyEntry, type StudyEntry } from "./study-entry.ts";
import type { LoadedStudy, StudyStore } from "./study-store.ts";

export interface StudyKeeperSettings {
  readonly component: string;
  /** Number of studies to keep that are not active. */
  readonly retained: number;
}

export interface StudyKeeperDeps {
  readonly store: StudyStore;
  readonly drive: DriveStudy;
  /** What a team file asks of a study. @throws UncoupleError `invalid-argument`, `failed-precondition` without a search */
  plan(teamFile: string): StudyPlan;
  /** @throws UncoupleError `invalid-argument` */
  check(teamFile: string, parameters: SearchParameters): void;
  readonly tracking: StudyTracking;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The studies of one component. They go on by themselves, also after a restart. */
export interface StudyKeeper {
  /** Restores the studies, and goes on with those that were active. */
  start(): Promise<void>;
  /** @throws UncoupleError as `StudyKeeperDeps.plan`; `failed-precondition` when it is not running */
  begin(request: { teamFile: string; trials: number; parallel: number }): Promise<Study>;
  /** @throws UncoupleError `not-found` */
  get(id: string): Study;
  /** Newest first. */
  list(): readonly Study[];
  /** As `TuningService.watchStudy`. */
  watch(id: string, signal: AbortSignal): AsyncIterable<Study>;
  /** As `TuningService.stopStudy`. */
  halt(id: string): Promise<Study>;
  /** As `TuningService.extendStudy`. */
  extend(request: { id: string; trials: number; parallel?: number }): Promise<Study>;
  /** As `TuningService.runTrial`. */
  runTrial(id: string, parameters: SearchParameters, signal: AbortSignal): AsyncIterable<Trial>;
  /** Interrupts the studies, which go on after a restart. */
  stop(): Promise<void>;
}

interface Kept {
  readonly entry: StudyEntry;
  /** While it is being driven. */
  driving: { readonly halt: AbortController; readonly done: Promise<void> } | undefined;
  readonly ends: Map<number, AbortController>;
}

/** Pause between two states that a watcher gets: each has all trials, which take about as long to send. */
const WATCH_MS_PER_TRIAL = 0.5;

export function createStudyKeeper(settings: StudyKeeperSettings, deps: StudyKeeperDeps): StudyKeeper {
  const { component } = settings;
  const { store, tracking, clock, log } = deps;
  const studies = new Map<string, Kept>();
  const stopping = new AbortController();
  let started = false;
  let sequence = 0;

  function keep(loaded: LoadedStudy): Kept {
    const kept: Kept = {
      entry: createStudyEntry(loaded, store, clock, tracking.changed),
      driving: undefined,
      ends: new Map(),
    };
    studies.set(kept.entry.id, kept);
    sequence = Math.max(sequence, loaded.stored.sequence);
    return kept;
  }

  function find(id: string): Kept {
    const kept = studies.get(id);
    if (kept !== undefined) return kept;
    // Its studies are not all loaded: none may be taken for lost.
    if (!started) throw new UncoupleError("unavailable", `the trainer of ${component} is starting`);
    const known = studies.size === 0 ? "it has none yet" : `list them with \`uncouple studies ${component}\``;
    throw new UncoupleError("not-found", `${component} has no study ${JSON.stringify(id.slice(0, 80))}; ${known}`);
  }

  function checkRunning(): void {
    if (started && !stopping.signal.aborted) return;
    const why = started ? "stopping" : "starting";
    throw new UncoupleError("failed-precondition", `the trainer of ${component} is ${why} and does not accept studies`);
  }

  function endOf({ ends }: Kept, trial: number): AbortController {
    const end = ends.get(trial) ?? new AbortController();
    ends.set(trial, end);
    return end;
  }

  /** Goes on with a study that is active on disk. */
  function drive(kept: Kept): void {
    const { entry } = kept;
    const { id } = entry;
    const halt = new AbortController();
    const signal = AbortSignal.any([stopping.signal, halt.signal]);
    const work = async () => {
      try {
        const plan = deps.plan(entry.stored().study.teamFile);
        // It may have been extended after it looked for trials for the last time.
        do await deps.drive(entry, plan, (trial) => endOf(kept, trial).signal, signal);
        while (hasTrialsLeft(entry));
        await entry.record({ state: "complete", finishedAt: timestamp(clock) });
        log.info({ study: id }, `study ${id} is complete: ${entry.trials().length} trials`);
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        if (halt.signal.aborted) {
          await entry.record({ state: "stopped", waitingFor: null, finishedAt: timestamp(clock) });
          log.info({ study: id }, `study ${id} was stopped`);
          return;
        }
        const { code, message } = asUncoupleError(thrown);
        log.error({ study: id, error: thrown }, `study ${id} failed: ${message}`);
        const error = { code, message };
        await entry.record({ state: "failed", waitingFor: null, error, finishedAt: timestamp(clock) });
      }
    };
    const done = work()
      .catch((thrown: unknown) => {
        log.error(
          { study: id, error: thrown },
          `cannot write the state of study ${id}: ${asUncoupleError(thrown).message}`,
        );
      })
      .finally(() => {
        kept.driving = undefined;
        entry.changed.notify();
      });
    kept.driving = { halt, done };
  }

  async function resume(kept: Kept, change: Partial<StoredStudy["study"]>): Promise<void> {
    // A study that is about to end must have ended: it does not look for trials any more.
    while (!isActive(kept.entry.study()) && kept.driving !== undefined) await kept.driving.done;
    if (kept.driving !== undefined) return kept.entry.record(change);
    await kept.entry.record({ ...change, state: "running", error: null, finishedAt: null });
    drive(kept);
  }

  async function deleteOldest(): Promise<void> {
    const idle = [...studies.values()].filter(({ driving }) => driving === undefined);
    for (const { entry } of idle.slice(0, Math.max(0, idle.length - settings.retained))) {
      studies.delete(entry.id);
      await store.remove(entry.id);
    }
  }

  return {
    async start() {
      for (const loaded of await store.load()) {
        const kept = keep({ ...loaded, trials: withoutGaps(loaded, log) });
        if (!isActive(kept.entry.study())) continue;
        log.info({ study: kept.entry.id }, `restored study ${kept.entry.id}`);
        drive(kept);
      }
      tracking.restored([...studies.values()].map(({ entry }) => entry).filter((entry) => !isActive(entry.study())));
      started = true;
    },
    async begin({ teamFile, trials, parallel }) {
      checkRunning();
      deps.plan(teamFile);
      const now = timestamp(clock);
      sequence += 1;
      const stored: StoredStudy = {
        version: 1,
        sequence,
        study: {
          id: studyId(now),
          component,
          state: "running",
          wanted: trials,
          parallel,
          upstream: {},
          rows: null,
          waitingFor: null,
          error: null,
          teamFile,
          startedAt: now,
          finishedAt: null,
        },
        pins: null,
        basis: null,
      };
      await store.saveStudy(stored);
      const kept = keep({ stored, trials: [] });
      log.info({ study: kept.entry.id, trials, parallel }, `started study ${kept.entry.id}`);
      drive(kept);
      await deleteOldest();
      return kept.entry.study();
    },
    get: (id) => find(id).entry.study(),
    list: () =>
      [...studies.values()]
        .sort((a, b) => b.entry.stored().sequence - a.entry.stored().sequence)
        .map(({ entry }) => entry.study()),
    async *watch(id, signal) {
      const { entry } = find(id);
      const over = AbortSignal.any([signal, stopping.signal]);
      for (;;) {
        const seen = entry.changed.count;
        const study = entry.study();
        yield study;
        if (!isActive(study) || signal.aborted) return;
        await entry.changed.waitBeyond(seen, over);
        const due = clock.elapsed() + WATCH_MS_PER_TRIAL * study.trials.length;
        for (let ms = due - clock.elapsed(); ms > 0 && isActive(entry.stored().study); ms = due - clock.elapsed()) {
          await entry.changed.waitBeyond(entry.changed.count, over, { clock, ms });
          if (over.aborted) break;
        }
        if (stopping.signal.aborted) throw stopped(id);
      }
    },
    async halt(id) {
      const kept = find(id);
      kept.driving?.halt.abort(new UncoupleError("cancelled", `study ${id} was stopped`));
      await kept.driving?.done;
      return kept.entry.study();
    },
    async extend({ id, trials, parallel }) {
      const kept = find(id);
      checkRunning();
      const { wanted, parallel: before } = kept.entry.stored().study;
      await resume(kept, { wanted: Math.max(wanted, trials), parallel: parallel ?? before });
      return kept.entry.study();
    },
    async *runTrial(id, parameters, signal) {
      const kept = find(id);
      checkRunning();
      const { entry } = kept;
      deps.check(entry.stored().study.teamFile, parameters);
      const { trial: number } = await entry.addTrial(parameters, true);
      const end = endOf(kept, number);
      // A server that stops aborts, too, with another reason.
      const onAbort = () => {
        if (asUncoupleError(signal.reason).code === "cancelled") end.abort(signal.reason);
      };
      signal.addEventListener("abort", onAbort);
      try {
        await resume(kept, {});
        const over = AbortSignal.any([signal, stopping.signal]);
        for (let shown: Trial | undefined; ; ) {
          const seen = entry.changed.count;
          const { trial } = entry.trial(number);
          if (trial !== shown) yield trial;
          shown = trial;
          if (trialHasEnded(trial) || signal.aborted) return;
          const { state, error } = entry.stored().study;
          if (state === "failed" || state === "stopped") {
            throw new UncoupleError(error?.code ?? "failed-precondition", error?.message ?? `study ${id} was stopped`);
          }
          await entry.changed.waitBeyond(seen, over);
          if (stopping.signal.aborted) throw stopped(id);
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    async stop() {
      stopping.abort(new UncoupleError("cancelled", `the trainer of ${component} is stopping`));
      for (const { driving } of studies.values()) await driving?.done;
    },
  };

  function stopped(id: string): UncoupleError {
    const message = `the trainer of ${component} is stopping; study ${id} will go on after a restart`;
    return new UncoupleError("unavailable", message);
  }
}

/** The trials before the first whose record cannot be read: those after it are tried again. */
function withoutGaps({ stored, trials }: LoadedStudy, log: Logger): LoadedStudy["trials"] {
  const gap = trials.findIndex(({ trial }, i) => trial.trial !== i + 1);
  if (gap < 0) return trials;
  log.warn({ study: stored.study.id }, `study ${stored.study.id} goes on after trial ${gap}`);
  return trials.slice(0, gap);
}

function hasTrialsLeft(entry: StudyEntry): boolean {
  const { wanted, trials } = entry.study();
  return trials.some((trial) => !trialHasEnded(trial)) || trials.filter(({ external }) => !external).length < wanted;
}

/** A timestamp, so that ids sort by time, plus a random suffix. */
function studyId(now: string): string {
  const time = now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return `${time}-${randomBytes(3).toString("hex")}`;
}
