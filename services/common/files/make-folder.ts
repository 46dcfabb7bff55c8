import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UncoupleError } from "../errors.ts";
import { errorCode, fileErrorCode, fileTrouble } from "./file-trouble.ts";

/**
 * Makes a folder that can be written to, with those above it that are missing. One at a time: the recursive `mkdir` of
 * Node 20 never returns where a file system answers ENOENT although the folder above is there, as /proc does.
 *
 * @throws UncoupleError `invalid-argument` saying why it cannot be had, `resource-exhausted` when the disk is full
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    const missing: string[] = [];
    for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.push(at);
    for (const folder of missing.reverse()) await makeOne(folder);
    await access(path, constants.W_OK);
  } catch (cause) {
    throw new UncoupleError(fileErrorCode(cause), `${path} cannot be used as a folder: ${trouble(cause)}`, { cause });
  }
}

/** @returns false where nothing is; @throws EEXIST for a file, ENOTDIR where one is above */
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
    // Another process was as quick.
    if (errorCode(thrown) === "EEXIST" && (await isFolder(folder))) return;
    throw thrown;
  }
}

function trouble(thrown: unknown): string {
  const code = errorCode(thrown);
  if (code === "EEXIST") return "there is a file of that name";
  if (code === "ENOTDIR") return "a part of the path is a file";
  return code === "ENOENT" ? "the file system does not let one be made there" : fileTrouble(thrown);
}
