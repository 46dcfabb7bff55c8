import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A disk whose power can be cut: an ext4 file system on a loop device. Needs root on Linux. */
export interface LossyDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /**
   * Copies what has reached the device, as a power cut would leave it: what only the page cache has is not in it.
   * @returns the copy, mounted after its journal was replayed
   */
  cutPower(): Promise<string>;
  /** Unmounts and removes everything. */
  remove(): Promise<void>;
}

export async function createLossyDisk(mebibytes: number): Promise<LossyDisk> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-disk-"));
  const mounted: string[] = [];
  const mount = async (image: string, name: string) => {
    const folder = join(dir, name);
    await mkdir(folder);
    // Commits of the journal are rare, so that nothing reaches the device by itself while a test runs.
    await run("mount", ["-o", "loop,noatime,commit=300", image, folder]);
    mounted.push(folder);
    return folder;
  };
  const image = join(dir, "disk.img");
  const file = await open(image, "w");
  await file.truncate(mebibytes * 1024 * 1024);
  await file.close();
  await run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  const folder = await mount(image, "before");
  let cuts = 0;
  return {
    folder,
    async cutPower() {
      const copy = join(dir, `after-${++cuts}.img`);
      await run("cp", ["--sparse=always", image, copy]);
      return mount(copy, `after-${cuts}`);
    },
    async remove() {
      for (const one of mounted) await run("umount", [one]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
