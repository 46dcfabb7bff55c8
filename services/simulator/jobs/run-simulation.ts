import { inParallel } from "../../common/async/in-parallel.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { createPartRunner, type Part, type PartRunner } from "./part-runner.ts";
import { PARTS_AT_ONCE, type PartStore } from "./part-store.ts";
import { startPartThreads } from "./part-threads.ts";
import { partsOf } from "./shard.ts";

export interface SimulationOptions {
  readonly scenario: Scenario;
  /** Default: every policy on every seed. */
  readonly parts?: readonly Part[];
  /** Threads, each of which simulates one policy on one seed at a time. Does not affect the results. */
  readonly jobs: number;
  /** Of this thread, with one job. */
  readonly engine: Engine;
  /** Has the parts that need not be simulated, and gets the others. Default: an interrupted simulation starts again. */
  readonly store?: PartStore;
  readonly signal: AbortSignal;
  /** Called as ticks are done, with those of all parts; at first with those that the store had. */
  onProgress?(done: number, total: number): void;
}

/**
 * Simulates policies on seeds. The same scenario gives the same runs, bit for bit, for any `jobs`, whether interrupted and
 * resumed or not.
 *
 * @returns in the order of the parts: by seed, then by policy, in the orders of the scenario
 * @throws UncoupleError `invalid-argument` for an invalid `jobs`; as `simulatePolicy` and `PartStore`; the reason of the
 *   signal once it is aborted
 */
export async function runSimulation(options: SimulationOptions): Promise<readonly PolicyRun[]> {
  const { scenario, jobs, engine, store, signal, parts = partsOf(scenario) } = options;
  const { ticks } = scenario;
  const known = await inParallel(parts, PARTS_AT_ONCE, async (part) => store?.load(part));
  const missing = known.filter((run) => run === undefined).length;
  const total = parts.length * ticks;
  let done = total - missing * ticks;
  options.onProgress?.(done, total);
  if (missing === 0) return known as readonly PolicyRun[];
  const createOnTick = () => {
    let before = 0;
    return (tick: number) => {
      done += tick - before;
      before = tick;
      options.onProgress?.(done, total);
    };
  };
  const runner: PartRunner =
    jobs === 1 ? createPartRunner(scenario, engine) : startPartThreads(scenario, Math.min(jobs, missing));
  try {
    return await inParallel(parts, jobs, async (part, at) => {
      const stored = known[at];
      if (stored !== undefined) return stored;
      signal.throwIfAborted();
      const run = await runner.run(part, signal, createOnTick());
      await store?.save(run);
      return run;
    });
  } finally {
    await runner.close();
  }
}
