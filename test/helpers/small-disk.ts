import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A disk that is soon full: a tmpfs. Needs root on Linux. */
export interface SmallDisk {
  readonly folder: string;
  grow(mebibytes: number): Promise<void>;
  /** Unmounts and removes it. */
  remove(): Promise<void>;
}

export async function createSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "uncouple-small-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]);
  return {
    folder,
    async grow(to) {
      await run("mount", ["-o", `remount,size=${to}m`, folder]);
    },
    async remove() {
      await run("umount", [folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
