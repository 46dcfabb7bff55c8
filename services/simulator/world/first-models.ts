import { createRandom } from "../../data/random/random.ts";
import type { Scenario } from "../scenario/scenario.ts";

/** The training of a team's first model. */
export interface FirstModel {
  readonly team: string;
  readonly reads: readonly string[];
  readonly hidden: readonly number[];
  readonly steps: number;
  readonly seed: number;
}

/**
 * The models in use at the start: linear ones, each trained on those that it reads. Of two teams, the second starts with a
 * model of its own class, as in the paper.
 *
 * @returns in topological order
 */
export function firstModels({ teams, training }: Scenario, seed: number): readonly FirstModel[] {
  const seeds = createRandom(seed, "initial");
  const isPair = teams.length === 2;
  return teams.map(({ name, reads, hidden }) => ({
    team: name,
    reads,
    hidden: isPair && reads.length > 0 ? (hidden ?? training.hidden) : [],
    steps: training.steps,
    seed: seeds.uint32(),
  }));
}
