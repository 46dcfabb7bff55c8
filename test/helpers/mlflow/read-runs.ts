import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { mlflowPython } from "./install.ts";

/** A run as MLflow's own client reads it. */
export interface ReadRun {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Metric to its history, as [step, value]. */
  readonly metrics: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly model: {
    /** SHA-256 of the downloaded file. */
    readonly digest: string;
    readonly inputs: readonly string[];
    readonly signature: readonly string[];
    readonly flavors: readonly string[];
  } | null;
}

/** The runs of an experiment, oldest first. */
export async function readRuns(
  url: string,
  experiment: string,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly ReadRun[]> {
  const { stdout } = await promisify(execFile)(
    mlflowPython,
    [join(import.meta.dirname, "read-runs.py"), url, experiment],
    { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as ReadRun[];
}

/** Reads until the runs are as expected, for at most two minutes. @returns the runs as they are then */
export async function runsWhen(
  read: () => Promise<readonly ReadRun[]>,
  isRight: (runs: readonly ReadRun[]) => boolean,
): Promise<readonly ReadRun[]> {
  for (let attempt = 1; ; attempt++) {
    const runs = await read();
    if (isRight(runs) || attempt === 12) return runs;
    await sleep(3_000);
  }
}
