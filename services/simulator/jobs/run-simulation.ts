import { inParallel } from "../../common/async/in-parallel.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { createPartRunner, type Part, type PartRunner } from "./part-runner.ts";
import { startPartThreads } from "./part-threads.ts";

export interface SimulationOptions {
  readonly scenario: Scenario;
  /** Threads, each of which simulates one policy on one seed at a time. Does not affect the results. */
  readonly jobs: number;
  /** Of this thread, with one job. */
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Called as ticks are done, with those of all policies and seeds. */
  onProgress?(done: number, total: number): void;
  /** Called with each run as it is done. */
  onRun?(run: PolicyRun): void | Promise<void>;
}

/**
 * Simulates every policy on every seed. The same scenario gives the same runs, bit for bit, for any `jobs`.
 *
 * @returns by seed, then by policy, in the orders of the scenario
 * @throws UncoupleError `invalid-argument` for an invalid `jobs`; as `simulatePolicy`; the reason of the signal once it is aborted
 */
export async function runSimulation(options: SimulationOptions): Promise<readonly PolicyRun[]> {
  const { scenario, jobs, engine, signal } = options;
  const { seeds, policies, ticks } = scenario;
  // Policies of a seed follow one another, because they share what is the same under all of them.
  const parts = seeds.flatMap((seed) => policies.map((policy): Part => ({ seed, policy })));
  const total = parts.length * ticks;
  const ticksOf = new Map<Part, number>();
  const onTick = (part: Part) => (tick: number) => {
    ticksOf.set(part, tick);
    options.onProgress?.(
      [...ticksOf.values()].reduce((sum, done) => sum + done, 0),
      total,
    );
  };
  const runner: PartRunner =
    jobs === 1 ? createPartRunner(scenario, engine) : startPartThreads(scenario, Math.min(jobs, parts.length));
  try {
    return await inParallel(parts, jobs, async (part) => {
      signal.throwIfAborted();
      const run = await runner.run(part, signal, onTick(part));
      await options.onRun?.(run);
      return run;
    });
  } finally {
    await runner.close();
  }
}
