import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessTable } from "../../common/files/folder-lock.ts";
import { makeFolder } from "../../common/files/make-folder.ts";

/** Where the rows that exceed a process's share of memory go, and how many bytes of a table stay in memory. */
export interface SpillSpace {
  /** Bytes of a table from which on it is spilled. */
  readonly tableBytes: number;
  /** Makes an empty folder, of which only this process's user can read the files. @throws UncoupleError as `makeFolder` */
  folder(): Promise<string>;
}

/**
 * Opens a space for spilled rows. Folders are named by the process that made them; those of processes that are gone, which
 * were killed, are removed.
 */
export async function openSpillSpace(
  root: string,
  tableBytes: number,
  processes: Pick<ProcessTable, "pid" | "isAlive">,
): Promise<SpillSpace> {
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    // A folder with this process's own number is of an earlier one: this one has made none yet.
    const abandoned = Number.isInteger(pid) && (pid === processes.pid || !processes.isAlive(pid));
    if (abandoned) await removeSpill(join(root, name));
  }
  return {
    tableBytes,
    async folder() {
      await makeFolder(root);
      return mkdtemp(join(root, `${processes.pid}-`));
    },
  };
}

/** A path in a spill folder that no file has. */
export function spillPath(folder: string): string {
  return join(folder, randomUUID());
}

export async function removeSpill(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
