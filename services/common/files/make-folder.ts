import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UncoupleError } from "../errors.ts";
import { errorCode, fileErrorCode, fileTrouble } from "./file-trouble.ts";

/**
 * Creates a writable folder and its missing parents. Creates them one at a time, because the recursive `mkdir` of Node
 * 20 never returns on file systems that report ENOENT although the parent exists, as /proc does.
 *
 * @throws UncoupleError `invalid-argument` with the reason, `resource-exhausted` if the disk is full
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    const missing: string[] = [];
    for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.push(at);
    for (const folder of missing.reverse()) await makeOne(folder);
    await access(path, constants.W_OK);
  } catch (cause) {
    throw new UncoupleError(fileErrorCode(cause), `cannot use ${path} as a folder: ${trouble(cause)}`, { cause });
  }
}

/** @returns false if the path does not exist; @throws EEXIST if it is a file, ENOTDIR if a parent is */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return false;
    throw thrown;
  }
  throw Object.assign(new Error(`${path} is a file`), { code: "EEXIST" });
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    // Another process created it first.
    if (errorCode(thrown) === "EEXIST" && (await isFolder(folder))) return;
    throw thrown;
  }
}

function trouble(thrown: unknown): string {
  const code = errorCode(thrown);
  if (code === "EEXIST") return "a file with that name exists";
  return code === "ENOENT" ? "the file system does not allow creating a folder there" : fileTrouble(thrown);
}
