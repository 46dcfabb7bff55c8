import { readdirSync, readFileSync } from "node:fs";

/** The process ids of inference hosts that a process has started. */
export function hostProcesses(parent = process.pid): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && isHost(pid, parent));
}

function isHost(pid: number, parent: number): boolean {
  try {
    const started = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(started) === parent && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("inference/host/main");
  } catch {
    return false;
  }
}
