import type { TeamConfig } from "../../services/pipeline/team.ts";

/** A small team of m2 that trains in no time, unless told otherwise. */
export function team(change: Partial<TeamConfig> = {}): TeamConfig {
  return {
    component: "m2",
    model: { kind: "dense", hidden: [8] },
    optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    batch: 32,
    steps: 200,
    schedule: { warmup: 0, decay: "constant" },
    protocol: { name: "async", parameters: {} },
    seed: 7,
    train: { when: "on-demand" },
    engine: "reference",
    ...change,
  };
}
