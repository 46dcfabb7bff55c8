import { hostname } from "node:os";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type FolderLock, lockFolder, processTableOf } from "../../common/files/folder-lock.ts";
import { readStack, stackFile } from "../connect/stack-file.ts";

/**
 * Locks a folder, so that no other process runs a stack from it: two nats-servers corrupt a shared store. Must be held
 * before the first service starts.
 * @param dir an existing folder
 * @throws UncoupleError `conflict` if another process holds the lock
 */
export async function lockStack(dir: string, clock: Clock): Promise<FolderLock> {
  try {
    return await lockFolder(dir, { processes: processTableOf(process, hostname()), clock });
  } catch (cause) {
    if (!(cause instanceof UncoupleError && cause.code === "conflict")) throw cause;
    const other = await readStack(dir).catch(() => undefined);
    const message =
      other === undefined
        ? `another process is starting or stopping a stack in ${dir}; wait for it, or use a different --dir`
        : `a stack of pipeline ${other.pipeline} is running from ${stackFile(dir)} (process ${other.pid}); stop it, or use a different --dir`;
    throw new UncoupleError("conflict", message, { cause });
  }
}
