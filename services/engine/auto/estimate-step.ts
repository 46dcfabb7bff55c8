import type { StepWork } from "../compiler/step-work.ts";
import { STEP_COSTS } from "./step-costs.ts";

/** Nanoseconds for each unit of work. */
export interface StepCosts {
  readonly rows: number;
  readonly operators: number;
  readonly thin: number;
  readonly narrow: number;
  readonly wide: number;
  readonly elements: number;
  readonly functions: number;
}

/** The counts of a step in the order and by the names of `StepCosts`. */
export function costedCounts({ products, ...counts }: StepWork): StepCosts {
  return { ...counts, ...products };
}

/**
 * Estimates how long a step takes in one thread. A function of the program alone: the machine's speed, its load and its
 * number of processors do not enter, so that every machine arrives at the same engine.
 *
 * @returns microseconds
 */
export function estimateStep(engine: keyof typeof STEP_COSTS, work: StepWork): number {
  const costs: StepCosts = STEP_COSTS[engine];
  const counts = costedCounts(work);
  let nanoseconds = 0;
  for (const [unit, count] of Object.entries(counts)) nanoseconds += count * costs[unit as keyof StepCosts];
  return nanoseconds / 1000;
}
