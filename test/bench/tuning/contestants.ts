import { measuredSteps } from "../../../services/learning/tuning/measured-steps.ts";
import { goesOn } from "../../../services/learning/tuning/pruning.ts";
import { sampleParameters } from "../../../services/learning/tuning/sample-parameters.ts";
import type { SearchParameters } from "../../../services/pipeline/search.ts";
import type { Optuna } from "./optuna.ts";
import { type Losses, type Problem, STEPS } from "./problem.ts";

/** What others are compared with. */
export const BASELINE = "Optuna random";

/**
 * When a search ends: after as many trials as the others have, or after as many steps, so that one that prunes has more
 * trials.
 */
type Spend = "trials" | "steps";

/** What a search found: the losses of its best trial. */
export interface Found extends Losses {
  readonly trials: number;
  /** Steps that its trials have done, divided by those of the baseline. */
  readonly share: number;
}

type Contestant = (problem: Problem, seed: number, trials: number, optuna: Optuna) => Promise<Found>;

const ours =
  (sampler: string, pruning: string, spend: Spend = "trials"): Contestant =>
  async (problem, _, trials) => {
    const search = problem.search(`sampler: ${sampler}\n  pruning: ${pruning}`);
    const at = measuredSteps(search, STEPS).pruning(STEPS);
    // Values at a step of the trials that reached it.
    const reached = new Map<number, number[]>(at.map((step) => [step, []]));
    return best(
      trials,
      spend,
      problem,
      async (trial) => sampleParameters(search, trial),
      at,
      (step, value) => {
        const before = reached.get(step) as number[];
        const on = goesOn(search.pruning, value, before);
        before.push(value);
        return on;
      },
    );
  };

const optunas =
  (sampler: "random" | "tpe"): Contestant =>
  async (problem, seed, trials, optuna) => {
    await optuna.begin(sampler, seed, problem.search("pruning: none").parameters);
    return best(
      trials,
      "trials",
      problem,
      () => optuna.ask(),
      [],
      () => true,
      (value) => optuna.tell(value),
    );
  };

/** In the order of the table. Trainings have the same length. */
export const CONTESTANTS: Readonly<Record<string, Contestant>> = {
  [BASELINE]: optunas("random"),
  "Optuna TPE": optunas("tpe"),
  random: ours("random", "none"),
  "random, halving": ours("random", "halving"),
  "random, halving, all steps": ours("random", "halving", "steps"),
  "random, median": ours("random", "median"),
  "random, median, all steps": ours("random", "median", "steps"),
  "quasi-random": ours("quasi-random", "none"),
  "quasi-random, halving": ours("quasi-random", "halving"),
  "quasi-random, halving, all steps": ours("quasi-random", "halving", "steps"),
  "quasi-random, median": ours("quasi-random", "median"),
  "quasi-random, median, all steps": ours("quasi-random", "median", "steps"),
};

/** Runs the trials of a search in order. The best trial is that with the lowest validation loss, of those trained in full. */
async function best(
  trials: number,
  spend: Spend,
  problem: Problem,
  ask: (trial: number) => Promise<SearchParameters>,
  at: readonly number[],
  decide: (step: number, value: number) => boolean,
  tell: (value: number | null) => Promise<void> = async () => {},
): Promise<Found> {
  let found: Losses | undefined;
  let steps = 0;
  const isLeft = (trial: number) => (spend === "trials" ? trial <= trials : steps + STEPS <= trials * STEPS);
  let trial = 0;
  while (isLeft(trial + 1)) {
    trial += 1;
    const losses = await problem.train(await ask(trial), at, decide);
    await tell(losses?.validation ?? null);
    steps += losses?.steps ?? STEPS;
    if (losses?.steps !== STEPS) continue;
    if (found === undefined || losses.validation < found.validation) found = losses;
  }
  if (found === undefined) throw new Error(`no trial on ${problem.name} was trained in full`);
  return { validation: found.validation, test: found.test, trials: trial, share: steps / (trials * STEPS) };
}
