import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { syncFolder } from "./atomic-write.ts";

/** What a folder holds: path in the folder to content. A path that ends in / is an empty folder. */
export type FolderContent = ReadonlyMap<string, Uint8Array | string>;

/**
 * Writes a folder atomically and durably: every file under a temporary name of the folder, all synced, then renamed. What a
 * killed process leaves begins with a dot; `removeUnfinishedFolders` removes it.
 * @throws Node's own errors; ENOTEMPTY or EEXIST if the folder exists
 */
export async function writeFolder(path: string, content: FolderContent): Promise<void> {
  const parent = dirname(path);
  const temporary = join(parent, hiddenName());
  const folders = new Set<string>([temporary]);
  await mkdir(temporary);
  for (const [name, bytes] of content) {
    const isFolder = name.endsWith("/");
    const target = join(temporary, name);
    for (const folder of foldersOf(temporary, isFolder ? target : dirname(target))) {
      if (folders.has(folder)) continue;
      await mkdir(folder);
      folders.add(folder);
    }
    if (isFolder) continue;
    const file = await open(target, "wx");
    try {
      await writeFile(file, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  for (const folder of [...folders].reverse()) await syncFolder(folder);
  await rename(temporary, path);
  await syncFolder(parent);
}

/** Points a symbolic link at a target, atomically and durably: readers see either the old target or the new one. */
export async function swapLink(path: string, target: string): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, hiddenName());
  await symlink(target, temporary);
  await rename(temporary, path);
  await syncFolder(folder);
}

/** Removes a folder so that its name never shows half of it. */
export async function removeFolder(path: string): Promise<void> {
  const hidden = join(dirname(path), hiddenName());
  await rename(path, hidden);
  await rm(hidden, { recursive: true, force: true });
}

/** Removes what killed writes, swaps and removals left in a folder. Must not run beside one of them. */
export async function removeUnfinishedFolders(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^\.unfinished-[0-9a-f]{12}$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function hiddenName(): string {
  return `.unfinished-${randomBytes(6).toString("hex")}`;
}

/** The folders below `root` on the way to `path`, itself last. */
function foldersOf(root: string, path: string): readonly string[] {
  const below: string[] = [];
  for (let at = resolve(path); at.length > root.length; at = dirname(at)) below.unshift(at);
  return below;
}
