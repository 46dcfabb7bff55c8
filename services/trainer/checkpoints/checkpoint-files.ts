import { readFile, rename, rm } from "node:fs/promises";
import { asUncoupleError } from "../../common/errors.ts";
import { writeDurably } from "../../common/files/durable-file.ts";
import { errorCode } from "../../common/files/file-trouble.ts";
import type { TrainingCheckpoint } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint-codec.ts";

/** The newest checkpoint of a training, and the one before it. Calls must not overlap. */
export interface CheckpointFiles {
  /** @throws UncoupleError as `writeDurably` */
  save(checkpoint: TrainingCheckpoint): Promise<void>;
  /** The newest undamaged checkpoint, if any. */
  load(): Promise<TrainingCheckpoint | undefined>;
  remove(): Promise<void>;
}

/** @param stem path of the files, without `.bin` and `.previous.bin` @param fields of log entries */
export function checkpointFiles(stem: string, fields: object, log: Logger): CheckpointFiles {
  const newest = `${stem}.bin`;
  const previous = `${stem}.previous.bin`;

  async function read(path: string): Promise<TrainingCheckpoint | undefined> {
    try {
      return await decodeCheckpoint(await readFile(path));
    } catch (thrown) {
      if (errorCode(thrown) === "ENOENT") return undefined;
      const error = asUncoupleError(thrown);
      log.warn(
        { ...fields, error },
        `${path}: ${error.message}; falling back to the previous checkpoint, or to step 0`,
      );
      return undefined;
    }
  }

  return {
    async save(checkpoint) {
      await writeDurably(newest, await encodeCheckpoint(checkpoint), async () => {
        await rename(newest, previous).catch((thrown: unknown) => {
          if (errorCode(thrown) !== "ENOENT") throw thrown;
        });
      });
    },
    load: async () => (await read(newest)) ?? (await read(previous)),
    async remove() {
      await rm(newest, { force: true });
      await rm(previous, { force: true });
    },
  };
}
