import type { Scenario } from "../scenario/scenario.ts";
import type { Part } from "./part-runner.ts";

/** One of several processes that divide a simulation among them. */
export interface Shard {
  /** From 0 to `count - 1`. */
  readonly index: number;
  readonly count: number;
}

/** The parts of a simulation: by seed, then by policy, because policies of a seed share what is the same under all of them. */
export function partsOf({ seeds, policies }: Pick<Scenario, "seeds" | "policies">): readonly Part[] {
  return seeds.flatMap((seed) => policies.map((policy): Part => ({ seed, policy })));
}

/** The parts that a shard simulates: neighbors, as many as others have or one more. */
export function shareOf(parts: readonly Part[], { index, count }: Shard): readonly Part[] {
  const end = (place: number) => Math.floor((place * parts.length) / count);
  return parts.slice(end(index), end(index + 1));
}
