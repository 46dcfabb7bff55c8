import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { posix } from "node:path";

const CGROUPS = "/sys/fs/cgroup";

/**
 * How many processors this process can keep busy: those in its affinity mask, or fewer where a cgroup (a container's CPU
 * limit) has a quota. At least 1. More threads than that wait for each other.
 *
 * @param readText reads a file; throws where there is none
 */
export function availableCpus(
  readText: (path: string) => string = (path) => readFileSync(path, "utf8"),
  inAffinityMask: number = availableParallelism(),
): number {
  return Math.max(1, Math.min(inAffinityMask, Math.floor(quota(readText))));
}

/** The least quota of the process's cgroup and those around it, in processors; Infinity without one. */
function quota(readText: (path: string) => string): number {
  const read = (path: string): string | undefined => {
    try {
      return readText(path).trim();
    } catch {
      return undefined;
    }
  };
  let least = Number.POSITIVE_INFINITY;
  for (const line of read("/proc/self/cgroup")?.split("\n") ?? []) {
    const [, controllers = "", path = "/"] = line.split(":");
    const unified = controllers === "";
    if (!unified && !controllers.split(",").includes("cpu")) continue;
    const mount = unified ? CGROUPS : posix.join(CGROUPS, "cpu");
    for (let group = path; ; group = posix.dirname(group)) {
      const folder = posix.join(mount, group);
      const [limit, period] = unified
        ? (read(posix.join(folder, "cpu.max"))?.split(" ") ?? [])
        : [read(posix.join(folder, "cpu.cfs_quota_us")), read(posix.join(folder, "cpu.cfs_period_us"))];
      const processors = Number(limit) / Number(period);
      // "max" and -1 stand for no quota.
      if (processors > 0) least = Math.min(least, processors);
      if (group === posix.dirname(group)) break;
    }
  }
  return least;
}
