import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UncoupleError } from "../errors.ts";

let written = 0;

/**
 * Replaces a file so that after a crash it holds either the old content or the new one, whole: a temporary file beside
 * it, fsync, rename, fsync of the folder.
 * @throws UncoupleError `resource-exhausted` (disk full), `failed-precondition` (the folder cannot be written to)
 */
export async function writeDurably(path: string, content: Uint8Array | string): Promise<void> {
  await replaceDurably(path, content, async () => {});
}

/** As `writeDurably`; `beforeReplace` runs when the new content is safe on disk under another name. */
export async function replaceDurably(
  path: string,
  content: Uint8Array | string,
  beforeReplace: () => Promise<void>,
): Promise<void> {
  const temporary = `${path}.new-${++written}`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeReplace();
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(path, thrown);
  }
}

/** Removes what writes to files of a folder have left there that a crash cut short. Nobody may be writing. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (/\.new-\d+$/.test(name)) await rm(join(folder, name), { force: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What went wrong with a file of the state folder, typed, with the path and what to do. */
export function fileError(path: string, thrown: unknown): UncoupleError {
  if (thrown instanceof UncoupleError) return thrown;
  const code = errorCode(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") {
    const message = `${path}: the disk of the state folder is full; make room, or choose another folder`;
    return new UncoupleError("resource-exhausted", message, { cause: thrown });
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new UncoupleError("failed-precondition", `${path}: the state folder cannot be used: ${why}`, {
    cause: thrown,
  });
}

/** `ENOENT` and the like. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
