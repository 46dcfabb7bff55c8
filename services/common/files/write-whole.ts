import type { Stats } from "node:fs";
import { realpath, stat, writeFile } from "node:fs/promises";
import { UncoupleError } from "../errors.ts";
import { type FileContent, writeAtomically } from "./atomic-write.ts";
import { errorCode, fileErrorCode, fileTrouble } from "./file-trouble.ts";

/**
 * Atomically writes a file that a user named. Replaces the file that a symbolic link leads to, not the link.
 * @param name the file as the user named it; @param replace whether to overwrite an existing file; @param mode its
 *   permissions before the process's umask; default: those of the existing file, or 0o666
 * @throws UncoupleError `conflict` if the file exists and `replace` is false, `invalid-argument` if it cannot be
 *   written, `resource-exhausted` if the disk is full; as the iteration of the content
 */
export async function writeWhole(
  path: string,
  name: string,
  content: FileContent,
  replace: boolean,
  mode?: number,
): Promise<void> {
  try {
    // Write to a pipe or device in place; never replace it.
    const there = replace ? await stat(path).catch(() => undefined) : undefined;
    if (there !== undefined && !there.isFile() && !there.isDirectory()) {
      await writeFile(path, content);
      return;
    }
    const target = there === undefined ? path : await realpath(path);
    await writeAtomically(target, content, { replace, mode: mode ?? permissions(there) });
  } catch (cause) {
    if (cause instanceof UncoupleError) throw cause;
    const code = errorCode(cause);
    if (code === "EEXIST" && !replace) {
      throw new UncoupleError("conflict", `${name} already exists; use --force to overwrite it`, { cause });
    }
    const trouble = code === "ENOENT" ? "no such folder" : fileTrouble(cause);
    throw new UncoupleError(fileErrorCode(cause), `cannot write ${name}: ${trouble}`, { cause });
  }
}

/** Those of an existing file, or of a new one. */
function permissions(file: Stats | undefined): number {
  return file?.isFile() === true ? file.mode & 0o777 : 0o666;
}
