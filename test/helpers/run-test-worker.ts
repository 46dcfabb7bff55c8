import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { openSpillSpace, type SpillSpace } from "../../services/data/spill/spill-folder.ts";
import { type RunningWorker, type RunWorkerOptions, runWorker } from "../../services/worker/run-worker.ts";
import { recordingLog } from "./log.ts";

export interface TestWorker extends RunningWorker {
  /** Messages of its log from warnings up. */
  warnings(): string[];
  readonly records: readonly Record<string, unknown>[];
}

/** Where a worker of a test spills. */
export const openTestSpace = (tableBytes: number, root = join(tmpdir(), "uncouple-test-spill")) =>
  openSpillSpace(root, tableBytes, { pid: process.pid, isAlive: () => true });

/** A worker in this process for a trainer on a port of 127.0.0.1; it is stopped when the test ends. */
export async function runTestWorker(
  port: number,
  options: Partial<RunWorkerOptions> = {},
  openSpace: (tableBytes: number) => Promise<SpillSpace> = openTestSpace,
): Promise<TestWorker> {
  const { log, records } = recordingLog();
  const worker = await runWorker(
    {
      trainer: `127.0.0.1:${port}`,
      name: "n1",
      hostName: "h1",
      pid: 7,
      threads: 1,
      graceSeconds: 1,
      ...options,
    },
    { clock: systemClock, log, random: () => 0, openSpace },
  );
  onTestFinished(() => worker.stop().catch(() => {}));
  const warnings = () =>
    records.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => String(message));
  return { ...worker, warnings, records };
}
