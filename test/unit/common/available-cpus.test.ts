import { describe, expect, it } from "vitest";
import { availableCpus } from "../../../services/common/available-cpus.ts";

/** Reads from a record of files. */
const reader = (files: Readonly<Record<string, string>>) => (path: string) => {
  const text = files[path];
  if (text === undefined) throw new Error(`ENOENT: ${path}`);
  return text;
};

describe("the processors that a process can keep busy", () => {
  it("are those of its affinity mask without a quota", () => {
    expect(availableCpus(reader({}), 6)).toBe(6);
    const unlimited = { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "max 100000\n" };
    expect(availableCpus(reader(unlimited), 6)).toBe(6);
  });

  it("are bounded by the quota of cgroup v2, rounded down", () => {
    const files = (quota: string) => ({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": `${quota}\n` });
    expect(availableCpus(reader(files("200000 100000")), 8)).toBe(2);
    expect(availableCpus(reader(files("350000 100000")), 8)).toBe(3);
    expect(availableCpus(reader(files("50000 100000")), 8)).toBe(1);
    expect(availableCpus(reader(files("1600000 100000")), 8)).toBe(8);
  });

  it("are bounded by the least quota of the groups around the process", () => {
    const files = {
      "/proc/self/cgroup": "0::/pod/container\n",
      "/sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
    };
    expect(availableCpus(reader(files), 8)).toBe(3);
  });

  it("are bounded by the quota of cgroup v1, under the process's path or at the container's root", () => {
    const groups = "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/docker/1f\n";
    for (const folder of ["/sys/fs/cgroup/cpu/docker/1f", "/sys/fs/cgroup/cpu"]) {
      const files = (quota: string) => ({
        "/proc/self/cgroup": groups,
        [`${folder}/cpu.cfs_quota_us`]: `${quota}\n`,
        [`${folder}/cpu.cfs_period_us`]: "50000\n",
      });
      expect(availableCpus(reader(files("100000")), 8)).toBe(2);
      expect(availableCpus(reader(files("-1")), 8)).toBe(8);
    }
  });
});
