import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";

/** Where checkpoints are written. */
export interface CheckpointStore {
  /** @throws UncoupleError as `writeDurably` */
  saveCheckpoint(run: string, checkpoint: TrainingCheckpoint): Promise<void>;
}

export interface CheckpointingSettings {
  readonly run: string;
  /** Time between checkpoints; 0: after every chunk. */
  readonly seconds: number;
  readonly store: CheckpointStore;
  readonly clock: Clock;
  readonly log: Logger;
  onWritten(step: number, seconds: number): void;
}

/** Writes the checkpoints of one training beside the training itself. */
export interface Checkpointing {
  /** After a chunk: begins a checkpoint when it is time for one and none is being written. */
  consider(progress: TrainingProgress): Promise<void>;
  /** Writes one of exactly this step, and returns when it is on disk. */
  now(progress: TrainingProgress): Promise<void>;
  /** Returns when nothing is being written. */
  settled(): Promise<void>;
}

/** A checkpoint that cannot be written costs time after a crash, not the training: it is logged, and tried again later. */
export function createCheckpointing(settings: CheckpointingSettings): Checkpointing {
  const { run, store, clock, log } = settings;
  let writing: Promise<void> | undefined;
  let last = clock.elapsed();
  let writtenStep = -1;

  async function write(progress: TrainingProgress): Promise<void> {
    const checkpoint = await progress.checkpoint();
    const work = (async () => {
      const began = clock.elapsed();
      try {
        await store.saveCheckpoint(run, checkpoint);
        writtenStep = checkpoint.step;
        settings.onWritten(checkpoint.step, secondsSince(clock, began));
      } catch (thrown) {
        const error = asUncoupleError(thrown);
        log.error({ run, step: checkpoint.step, error }, `no checkpoint was written: ${error.message}`);
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
