import { access, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode, fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";

export interface NewFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly content: string;
  /** Whether only this user may read it; such a file is never overwritten. */
  readonly secret?: boolean;
}

/**
 * Writes all files into a folder or, on an error, none.
 * @param name the folder as the user named it; @param replace whether to overwrite existing files
 * @throws UncoupleError `conflict` naming the first file that exists; `invalid-argument`, `resource-exhausted`
 */
export async function writeAll(
  folder: string,
  name: string,
  files: readonly NewFile[],
  replace: boolean,
): Promise<void> {
  const existing = new Set<string>();
  for (const { path } of files) if (await isThere(join(folder, path))) existing.add(path);
  const [first] = existing;
  if (first !== undefined && !replace) {
    throw new UncoupleError("conflict", `${name}/${first} already exists; use --force to overwrite it`);
  }
  const written: string[] = [];
  try {
    for (const { path, content, secret = false } of files) {
      const target = join(folder, path);
      await makeFolder(dirname(target));
      await writeWhole(target, `${name}/${path}`, content, replace && !secret, secret ? 0o600 : 0o644);
      if (!existing.has(path)) written.push(target);
    }
  } catch (error) {
    for (const target of written) await rm(target, { force: true });
    throw error;
  }
}

/** The text of a file; undefined of a pipe or device, or if it does not exist. @throws UncoupleError `invalid-argument` */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const there = await stat(path);
    // Reading standard output would wait forever.
    if (!there.isFile() && !there.isDirectory()) return undefined;
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw new UncoupleError(fileErrorCode(cause), `${path} cannot be read: ${fileTrouble(cause)}`, { cause });
  }
}

/** Whether a file or folder exists. */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
