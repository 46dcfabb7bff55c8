import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";

/** Stores checkpoints. */
export interface CheckpointStore {
  /** @throws UncoupleError as `writeDurably` */
  saveCheckpoint(run: string, checkpoint: TrainingCheckpoint): Promise<void>;
}

export interface CheckpointingSettings {
  readonly run: string;
  /** Time between checkpoints; 0 writes one after every chunk. */
  readonly seconds: number;
  readonly store: CheckpointStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a checkpoint is on disk, with the time it took. */
  onWritten(step: number, seconds: number): void;
}

/** Writes the checkpoints of one training in the background. */
export interface Checkpointing {
  /** Called after each chunk. Starts writing a checkpoint if one is due and none is being written. */
  consider(progress: TrainingProgress): Promise<void>;
  /** Writes a checkpoint of exactly this step and returns when it is on disk. */
  now(progress: TrainingProgress): Promise<void>;
  /** Returns when no checkpoint is being written. */
  settled(): Promise<void>;
}

/** A failure to write a checkpoint does not fail the training: it is logged, and a later checkpoint is attempted. */
export function createCheckpointing(settings: CheckpointingSettings): Checkpointing {
  const { run, store, clock, log } = settings;
  let writing: Promise<void> | undefined;
  let last = clock.elapsed();
  let writtenStep = -1;

  async function write(progress: TrainingProgress): Promise<void> {
    const checkpoint = await progress.checkpoint();
    const work = (async () => {
      const started = clock.elapsed();
      try {
        await store.saveCheckpoint(run, checkpoint);
        writtenStep = checkpoint.step;
        settings.onWritten(checkpoint.step, secondsSince(clock, started));
      } catch (thrown) {
        const error = asUncoupleError(thrown);
        log.error({ run, step: checkpoint.step, error }, `cannot write a checkpoint: ${error.message}`);
      }
    })();
    writing = work.finally(() => {
      writing = undefined;
      last = clock.elapsed();
    });
  }

  return {
    async consider(progress) {
      if (writing === undefined && secondsSince(clock, last) >= settings.seconds) await write(progress);
    },
    async now(progress) {
      await writing;
      if (writtenStep === progress.step) return;
      await write(progress);
      await writing;
    },
    settled: async () => writing,
  };
}
