import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A group of processes whose memory, page cache included, the kernel limits. */
export interface MemoryGroup {
  /** What runs a program in the group: prepend it to the program and its arguments. */
  readonly launcher: readonly string[];
  /** Most bytes that the group has had. */
  peak(): Promise<number>;
  /** Bytes that no file backs, now: what cannot be given back by dropping cache. */
  anonymous(): Promise<number>;
  /** Processes that the kernel has killed for lack of memory. */
  kills(): Promise<number>;
  remove(): Promise<void>;
}

const ROOT = "/sys/fs/cgroup";

/** Creates a group, of version 1 or 2, whichever this machine has. Needs root. @throws Error where there is neither */
export async function createMemoryGroup(name: string, bytes: number): Promise<MemoryGroup> {
  const isFirst = await readFile(join(ROOT, "memory/memory.limit_in_bytes"), "utf8").then(
    () => true,
    () => false,
  );
  const folder = join(ROOT, isFirst ? "memory" : "", name);
  const read = async (file: string) => readFile(join(folder, file), "utf8");
  const field = async (file: string, key: string) =>
    Number(new RegExp(`^${key} (\\d+)$`, "m").exec(await read(file))?.[1] ?? Number.NaN);
  await mkdir(folder).catch((cause: unknown) => {
    throw new Error(`cannot create ${folder}: the proof needs root and a memory cgroup`, { cause });
  });
  await writeFile(join(folder, isFirst ? "memory.limit_in_bytes" : "memory.max"), String(bytes));
  // Without swap: what is anonymous must fit.
  await writeFile(join(folder, isFirst ? "memory.swappiness" : "memory.swap.max"), "0").catch(() => {});
  return {
    launcher: ["/bin/sh", "-c", `echo $$ > ${join(folder, "cgroup.procs")} && exec "$@"`, "sh"],
    peak: async () => Number(await read(isFirst ? "memory.max_usage_in_bytes" : "memory.peak")),
    anonymous: () => field("memory.stat", isFirst ? "rss" : "anon"),
    kills: () => field(isFirst ? "memory.oom_control" : "memory.events", "oom_kill"),
    async remove() {
      // A group can be removed once its last process is gone.
      for (let tries = 0; ; tries++) {
        try {
          return await rmdir(folder);
        } catch (thrown) {
          if (tries === 50) throw thrown;
          await sleep(100);
        }
      }
    },
  };
}
