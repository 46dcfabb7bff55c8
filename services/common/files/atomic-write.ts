import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "./file-trouble.ts";

export interface AtomicWriteOptions {
  /** Whether a file of that name may be replaced; otherwise `EEXIST` is thrown. */
  readonly replace: boolean;
  /** Permissions of the file, less the process's umask; 0o666 if not given. */
  readonly mode?: number;
  /** Runs when the content is safe on disk under another name. */
  beforeReplace?(): Promise<void>;
}

/**
 * Writes a file that appears whole or not at all, and is still there after a crash: a temporary file beside it, fsync,
 * rename or link, fsync of the folder.
 *
 * @throws Node's own errors, with nothing left beside the file
 */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  { replace, mode = 0o666, beforeReplace }: AtomicWriteOptions,
): Promise<void> {
  const temporary = `${path}.new-${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeReplace?.();
    // Linking fails where the name is taken, which renaming would not.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
  await syncFolder(dirname(path));
}

/** Removes the temporary files that writes to a folder left there when a crash cut them short. Nobody may be writing. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.new-[0-9a-f]+$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (thrown) {
    // A folder that may be written to and not read; the file is in place.
    if (errorCode(thrown) !== "EACCES") throw thrown;
  }
}
