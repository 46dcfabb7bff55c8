import { hostname } from "node:os";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type FolderLock, lockFolder, processTableOf } from "../../common/files/folder-lock.ts";
import { readStack, stackFile } from "../connect/stack-file.ts";

/**
 * Makes this process the only one that runs a stack from a folder, from before its first service on: two nats-servers
 * on one store destroy it.
 * @param dir exists
 * @throws UncoupleError `conflict` when another process does
 */
export async function lockStack(dir: string, clock: Clock): Promise<FolderLock> {
  try {
    return await lockFolder(dir, { processes: processTableOf(process, hostname()), clock });
  } catch (cause) {
    if (!(cause instanceof UncoupleError && cause.code === "conflict")) throw cause;
    const other = await readStack(dir).catch(() => undefined);
    const message =
      other === undefined
        ? `another process starts or stops a stack in ${dir}: wait for it, or choose another --dir`
        : `a stack of pipeline ${other.pipeline} runs from ${stackFile(dir)} (process ${other.pid}): stop it, or choose another --dir`;
    throw new UncoupleError("conflict", message, { cause });
  }
}
