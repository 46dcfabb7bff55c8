import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "./file-trouble.ts";

export interface AtomicWriteOptions {
  /** Whether to replace an existing file; if false, throws `EEXIST`. */
  readonly replace: boolean;
  /** Permissions of the file, before the process's umask. Default: 0o666. */
  readonly mode?: number;
  /** Called once the content is safe on disk under a temporary name. */
  beforeReplace?(): Promise<void>;
}

/** In parts: the file then fails to be written as the iteration fails. */
export type FileContent = Uint8Array | string | AsyncIterable<Uint8Array>;

/**
 * Writes a file atomically and durably: to a temporary file in the same folder, then fsync, rename or link, and fsync of
 * the folder.
 *
 * @throws Node's own errors, after removing the temporary file
 */
export async function writeAtomically(
  path: string,
  content: FileContent,
  { replace, mode = 0o666, beforeReplace }: AtomicWriteOptions,
): Promise<void> {
  const temporary = `${path}.new-${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeReplace?.();
    // Unlike rename, link fails if the name exists.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
  await syncFolder(dirname(path));
}

/** Removes temporary files that a crash left in a folder. Must not run while a write to the folder is in progress. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.new-[0-9a-f]+$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

/** Makes the names in a folder durable, if it is readable. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (thrown) {
    // The folder is writable but not readable. The file is in place.
    if (errorCode(thrown) !== "EACCES") throw thrown;
  }
}
