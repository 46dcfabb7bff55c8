import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { availableCpus } from "../../services/common/available-cpus.ts";

export interface Machine {
  readonly cpu: string;
  /** Processors that this process can keep busy. */
  readonly cores: number;
  readonly simd: string;
  readonly node: string;
  /** Processes that ran or waited for a processor, on average over the last minute before the benchmark. */
  readonly load: number;
  /** Whether the benchmark runs before every ordinary process (`chrt -r`), so that the load hardly matters. */
  readonly realTime: boolean;
}

/** Load from which absolute times are not worth quoting. */
const BUSY = 0.5;

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableCpus(),
    simd: simdClass(),
    node: process.version,
    load: loadavg()[0] as number,
    realTime: isRealTime(),
  };
}

export function machineText(machine: Machine): string[] {
  const { cpu, cores, simd, node, load, realTime } = machine;
  const priority = realTime ? ", real-time priority" : "";
  const lines = [`${cpu}, ${simd}, ${cores} core(s), Node ${node}, load ${load.toFixed(2)}${priority}`];
  if (load > BUSY && !realTime) {
    lines.push(`warning: the load is above ${BUSY}; stop other work, or run under \`chrt -r 50\``);
  }
  return lines;
}

/** The widest vectors of the processor, by the name under which it lists them. */
function simdClass(): string {
  const features = /^(?:flags|Features)\s*:(.*)$/m.exec(read("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
  const classes = { avx512f: "AVX-512", avx2: "AVX2", sse4_1: "SSE4.1", sve: "SVE", asimd: "NEON" };
  for (const [feature, name] of Object.entries(classes)) if (features.includes(feature)) return name;
  return process.arch;
}

function isRealTime(): boolean {
  // Field 41 is the policy; the fields after the command's closing parenthesis begin with the third.
  const policy = read("/proc/self/stat").split(") ").at(-1)?.split(" ")[38];
  return policy === "1" || policy === "2";
}

/** Processors in the affinity mask of this process at its start; empty where the system does not tell. */
const allowed: readonly number[] = (/^Cpus_allowed_list:\s*(.*)$/m.exec(read("/proc/self/status"))?.[1] ?? "")
  .split(",")
  .filter((range) => range !== "")
  .flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });

/**
 * Restricts this process and the children that it starts from now on to some processors, the last ones: the first
 * serves most interrupts.
 *
 * @returns undefined if done, otherwise why not
 */
export function pin(count: number): string | undefined {
  const list = allowed.slice(-count).join(",");
  const { error, status, stderr } = spawnSync("taskset", ["-acp", list, String(process.pid)], { encoding: "utf8" });
  if (error !== undefined) return `not pinned to ${count} core(s), so peers may use more: ${error.message}`;
  return status === 0 ? undefined : `not pinned to ${count} core(s), so peers may use more: ${stderr.trim()}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
