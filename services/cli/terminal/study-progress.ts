import { bestTrial, type Study, type Trial, trialHasEnded } from "../../pipeline/study.ts";
import { formatPrecise, formatSeconds } from "../../report/numbers.ts";
import type { TextStream } from "../context/context.ts";
import { plain } from "./style.ts";

/** Progress of a study: one bar on a terminal, one line per trial elsewhere. */
export interface StudyProgress {
  update(study: Study): void;
  /** Removes the bar. */
  stop(): void;
}

/** @param stream usually standard error, because standard output has the result */
export async function createStudyProgress(stream: TextStream): Promise<StudyProgress> {
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream);
}

function lineProgress(stream: TextStream): StudyProgress {
  const shown = new Set<number>();
  let first = true;
  return {
    update({ trials }) {
      for (const trial of trials) {
        if (!trialHasEnded(trial) || shown.has(trial.trial)) continue;
        shown.add(trial.trial);
        // Those that had ended before are in the result.
        if (!first) stream.write(`${trialLine(trial)}\n`);
      }
      first = false;
    },
    stop() {},
  };
}

async function barProgress(stream: TextStream): Promise<StudyProgress> {
  const { SingleBar, Presets } = await import("cli-progress");
  const bar = new SingleBar(
    {
      format: "[{bar}] {percentage} %  {what}",
      // A stream of the process itself, because the bar moves its cursor.
      stream: stream as unknown as NodeJS.WritableStream,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 24,
      fps: 10,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(study) {
      const ended = study.trials.filter(trialHasEnded).length;
      const payload = { what: studyProgress(study) };
      if (!started) bar.start(plannedTrials(study), ended, payload);
      started = true;
      bar.setTotal(plannedTrials(study));
      bar.update(ended, payload);
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

/** What happened to a trial, in one line. */
function trialLine({ trial, state, value, steps, seconds, error }: Trial): string {
  const what = error === null ? `loss ${formatPrecise(value)} after ${steps} steps` : plain(error.message);
  return `trial ${trial}: ${state}, ${what}, ${formatSeconds(seconds)}`;
}

/** How far a study is, in one line. */
function studyProgress(study: Study): string {
  const { trials, state, waitingFor } = study;
  if (state === "waiting") return `waiting for ${plain(waitingFor ?? "its turn")}`;
  const ended = trials.filter(trialHasEnded);
  const running = trials.filter((trial) => trial.state === "running").length;
  const best = bestTrial(study);
  const left = secondsLeft(study);
  return [
    `${ended.length}/${plannedTrials(study)} trials`,
    `${running} running`,
    ...(best === undefined ? [] : [`best ${formatPrecise(best.value)} (trial ${best.trial})`]),
    ...(left === undefined ? [] : [`${formatSeconds(left)} left`]),
  ].join("  ");
}

/** Trials that a study has or will have, with those of samplers outside. */
export function plannedTrials({ trials, wanted }: Study): number {
  return Math.max(trials.length, wanted + trials.filter(({ external }) => external).length);
}

/** At the mean duration of the trials so far. */
function secondsLeft(study: Study): number | undefined {
  const ended = study.trials.filter(trialHasEnded);
  if (ended.length === 0) return undefined;
  const each = ended.reduce((sum, { seconds }) => sum + seconds, 0) / ended.length;
  return (each * (plannedTrials(study) - ended.length)) / Math.max(1, study.parallel);
}
