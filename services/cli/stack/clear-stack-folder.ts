import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { lockStack } from "./stack-lock.ts";

/** Names that every stack leaves in its folder. */
const OF_STACKS = /^(nats|state|logs|stack\.json.*|lock\.\d+|locking-.*)$/;

export interface StackFolder {
  /** What leaves it, with its article: `a demo`. */
  readonly what: string;
  /** Names that it leaves besides those of every stack. */
  readonly own: readonly string[];
}

/**
 * Empties the folder of a stack that starts anew each time, and would otherwise train on what an earlier one left.
 * @throws UncoupleError `conflict` if a stack is running in the folder, or it contains other files
 */
export async function clearStackFolder(dir: string, { what, own }: StackFolder, clock: Clock): Promise<void> {
  await makeFolder(dir);
  try {
    const entries = await readdir(dir);
    const foreign = entries.find((name) => !OF_STACKS.test(name) && !own.includes(name));
    if (foreign !== undefined) {
      throw new UncoupleError(
        "conflict",
        `${dir} is not the folder of ${what}: it contains ${foreign}; use a different --out`,
      );
    }
    const lock = await lockStack(dir, clock).catch((cause: unknown) => {
      if (!(cause instanceof UncoupleError && cause.code === "conflict")) throw cause;
      throw new UncoupleError(
        "conflict",
        `${what} is already running in ${dir}; wait for it, or use a different --out`,
        { cause },
      );
    });
    for (const name of entries) {
      if (!name.startsWith("lock")) await rm(join(dir, name), { recursive: true, force: true });
    }
    await lock.release();
  } catch (cause) {
    if (cause instanceof UncoupleError) throw cause;
    throw new UncoupleError(fileErrorCode(cause), `${dir} cannot be emptied: ${fileTrouble(cause)}`, { cause });
  }
}
