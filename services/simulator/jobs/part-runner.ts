import { UncoupleError } from "../../common/errors.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { parsePolicy } from "../policies/all.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import { openSeedWorld, type SeedWorld } from "../run/seed-world.ts";
import { simulatePolicy } from "../run/simulate-policy.ts";
import type { Scenario } from "../scenario/scenario.ts";

/** One policy on one seed. */
export interface Part {
  readonly seed: number;
  readonly policy: string;
}

export interface PartRunner {
  /** @param onTick called after each tick */
  run(part: Part, signal: AbortSignal, onTick: (tick: number) => void): Promise<PolicyRun>;
  close(): Promise<void>;
}

/** Runs parts in this thread, one at a time. Keeps the world of the last seed. */
export function createPartRunner(scenario: Scenario, engine: Engine): PartRunner {
  let world: SeedWorld | undefined;
  return {
    async run({ seed, policy: name }, signal, onTick) {
      const policy = parsePolicy(name);
      if ("problem" in policy) throw new UncoupleError("invalid-argument", policy.problem);
      if (world?.seed !== seed) world = await openSeedWorld(scenario, seed, engine, signal);
      return simulatePolicy(world, policy, { signal, onTick });
    },
    close: async () => {},
  };
}
