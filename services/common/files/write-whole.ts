import { randomUUID } from "node:crypto";
import { link, rename, rm, stat, writeFile } from "node:fs/promises";
import { UncoupleError } from "../errors.ts";
import { fileErrorCode, fileTrouble } from "./file-trouble.ts";

/**
 * Writes a file that appears whole or not at all.
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
  const temporary = `${path}.${randomUUID()}`;
  try {
    // A pipe or a device is written to, never replaced.
    const there = replace ? await stat(path).catch(() => undefined) : undefined;
    if (there !== undefined && !there.isFile() && !there.isDirectory()) {
      await writeFile(path, content);
      return;
    }
    await writeFile(temporary, content, { flag: "wx", mode });
    // Linking fails where the name is taken, which renaming would not.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && !replace) {
      throw new UncoupleError("conflict", `${name} is there already: --force replaces it`, { cause });
    }
    const trouble = code === "ENOENT" ? "there is no such folder" : fileTrouble(cause);
    throw new UncoupleError(fileErrorCode(cause), `${name} cannot be written: ${trouble}`, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
