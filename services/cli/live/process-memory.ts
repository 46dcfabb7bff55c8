import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** A process of this machine. */
export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** Resident memory in MiB. */
  readonly resident: number;
}

const run = promisify(execFile);
/** What takes less is no service, such as the shell beside a NATS server. */
const LEAST_MIB = 8;

/**
 * The processes of this machine with their memory: from `/proc` on Linux, where small images have no `ps`.
 * @param platform `process.platform`
 */
export async function listProcesses(platform: string): Promise<readonly ListedProcess[]> {
  if (platform !== "linux") {
    const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,rss="]);
    return stdout.split("\n").flatMap((line) => {
      const [pid, parent, kibibytes] = line.trim().split(/\s+/).map(Number);
      return pid && parent !== undefined && kibibytes !== undefined
        ? [{ pid, parent, resident: kibibytes / 1024 }]
        : [];
    });
  }
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const listed = await Promise.all(
    pids.map(async (name) => {
      // It may end meanwhile. A kernel thread has no memory.
      const status = await readFile(`/proc/${name}/status`, "utf8").catch(() => "");
      const parent = /^PPid:\s*(\d+)/m.exec(status)?.[1];
      const kibibytes = /^VmRSS:\s*(\d+) kB/m.exec(status)?.[1];
      return parent === undefined || kibibytes === undefined
        ? []
        : [{ pid: Number(name), parent: Number(parent), resident: Number(kibibytes) / 1024 }];
    }),
  );
  return listed.flat();
}

/**
 * Resident memory of named processes, and of all that descend from each as `NAME's hosts`, in MiB. Those that have ended
 * are left out, and descendants that take next to nothing.
 */
export function memoryOf(
  named: ReadonlyMap<string, number>,
  processes: readonly ListedProcess[],
): ReadonlyMap<string, number> {
  const memory = new Map<string, number>();
  const roots = new Set(named.values());
  for (const [name, pid] of named) {
    const own = processes.find((one) => one.pid === pid);
    if (own === undefined) continue;
    memory.set(name, own.resident);
    let below = 0;
    for (let generation = [pid]; generation.length > 0; ) {
      const parents = new Set(generation);
      const children = processes.filter((one) => parents.has(one.parent) && !roots.has(one.pid));
      below += children.reduce((sum, { resident }) => sum + resident, 0);
      generation = children.map((one) => one.pid);
    }
    if (below >= LEAST_MIB) memory.set(`${name}'s hosts`, below);
  }
  return memory;
}
