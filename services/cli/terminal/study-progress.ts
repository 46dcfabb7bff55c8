import { type Study, trialHasEnded } from "../../pipeline/study.ts";
import type { TextStream } from "../context/context.ts";
import { plannedTrials, studyProgress, trialLine } from "../text/study-text.ts";

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
