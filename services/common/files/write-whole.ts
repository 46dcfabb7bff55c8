import { stat, writeFile } from "node:fs/promises";
import { UncoupleError } from "../errors.ts";
import { writeAtomically } from "./atomic-write.ts";
import { errorCode, fileErrorCode, fileTrouble } from "./file-trouble.ts";

/**
 * Writes a file that a user named; it appears whole or not at all.
 * @param name the file as the user named it; @param replace whether one that is there may go; @param mode who may read it
 * @throws UncoupleError `conflict` when it is there and may not be replaced; `invalid-argument` when it cannot be
 *   written, `resource-exhausted` when the disk is full
 */
export async function writeWhole(
  path: string,
  name: string,
  content: Uint8Array | string,
  replace: boolean,
  mode = 0o666,
): Promise<void> {
  try {
    // A pipe or a device is written to, never replaced.
    const there = replace ? await stat(path).catch(() => undefined) : undefined;
    if (there !== undefined && !there.isFile() && !there.isDirectory()) {
      await writeFile(path, content);
      return;
    }
    await writeAtomically(path, content, { replace, mode });
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "EEXIST" && !replace) {
      throw new UncoupleError("conflict", `${name} is there already: --force replaces it`, { cause });
    }
    const trouble = code === "ENOENT" ? "there is no such folder" : fileTrouble(cause);
    throw new UncoupleError(fileErrorCode(cause), `${name} cannot be written: ${trouble}`, { cause });
  }
}
