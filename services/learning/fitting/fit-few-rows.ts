import { createRandom } from "../../data/random/random.ts";
import type { DenseLayer } from "../../data/source/oracle.ts";
import type { Matrix } from "../dataset/row-matrix.ts";
import { rowsOf } from "../dataset/row-matrix.ts";
import { evaluateDense } from "./dense-function.ts";
import { averageNetworks } from "./ensemble.ts";
import { type FitContext, type FitTarget, fitNetworks, type Member, targetLoss } from "./fit-networks.ts";
import { selectRows } from "./matrices.ts";

/** From the optimum for 1,000 rows without noise to the optimum for 100 rows with more noise than signal. */
const WEIGHT_DECAYS = [3e-4, 1e-3, 4e-3, 1.5e-2, 6e-2];
const FOLDS = 4;
/** Averaging removes most of the variance due to the initial weights. */
const MEMBERS = 4;
/** Enough for 1,000 rows; more rows need more steps. */
const MIN_STEPS = 2000;
const EPOCHS = 100;
const MAX_STEPS = 8000;
const BATCH = 64;

export interface SmallSample extends FitTarget<Matrix> {
  /** Alternative inputs for the same rows; cross-validation selects among them. */
  readonly inputs: readonly Matrix[];
}

export interface FittedSample {
  /** Index of the alternative inputs that the network reads. */
  readonly chosen: number;
  readonly layers: readonly DenseLayer[];
}

/**
 * Fits a small sample, from tens to thousands of rows: selects weight decay and inputs by 4-fold cross-validation, then
 * averages four networks fitted to all rows.
 *
 * @throws UncoupleError as `fitNetworks`
 */
export async function fitFewRows(sample: SmallSample, context: FitContext): Promise<FittedSample> {
  const rows = rowsOf(sample.target);
  const folds = assignFolds(rows, context.seed);
  const steps = Math.min(MAX_STEPS, Math.max(MIN_STEPS, Math.ceil((EPOCHS * rows) / BATCH)));
  let best = { chosen: 0, weightDecay: 0, loss: Number.POSITIVE_INFINITY };
  for (const [chosen, inputs] of sample.inputs.entries()) {
    // The best weight decay depends on the rows more than on the inputs, so later alternatives try only values near it.
    const from = Math.max(0, WEIGHT_DECAYS.indexOf(best.weightDecay));
    const decays = chosen === 0 ? WEIGHT_DECAYS : WEIGHT_DECAYS.slice(from, from + 2);
    const losses = await crossValidate({ ...sample, inputs, steps }, decays, folds, context);
    losses.forEach((loss, i) => {
      if (loss < best.loss) best = { chosen, weightDecay: decays[i] as number, loss };
    });
  }
  const members: Member[] = Array.from({ length: MEMBERS }, () => ({ weightDecay: best.weightDecay }));
  const inputs = sample.inputs[best.chosen] as Matrix;
  const networks = await fitNetworks({ ...sample, inputs, members, steps }, context);
  return { chosen: best.chosen, layers: averageNetworks(networks) };
}

function assignFolds(rows: number, seed: number): Uint8Array {
  const folds = new Uint8Array(rows);
  createRandom(seed, "counterfactual/folds")
    .permutation(rows)
    .forEach((row, i) => {
      folds[row] = i % FOLDS;
    });
  return folds;
}

/** The loss of every weight decay, summed over all rows; every row is predicted by a network not trained on it. */
async function crossValidate(
  fit: FitTarget<Matrix> & { readonly inputs: Matrix; readonly steps: number },
  weightDecays: readonly number[],
  folds: Uint8Array,
  context: FitContext,
): Promise<readonly number[]> {
  const trials = weightDecays.flatMap((weightDecay, decay) =>
    Array.from({ length: FOLDS }, (_, fold) => ({ weightDecay, decay, fold })),
  );
  const members = trials.map(({ weightDecay, fold }) => ({
    weightDecay,
    learns: (row: number) => folds[row] !== fold,
  }));
  const networks = await fitNetworks({ ...fit, members }, context);
  const losses = weightDecays.map(() => 0);
  for (const [trial, { decay, fold }] of trials.entries()) {
    const outside = (row: number) => folds[row] === fold;
    const predicted = await evaluateDense(networks[trial] as readonly DenseLayer[], [selectRows(fit.inputs, outside)]);
    const held: FitTarget<Matrix> = {
      kind: fit.kind,
      target: selectRows(fit.target, outside),
      ...(fit.observed !== undefined && { observed: selectRows(fit.observed, outside) }),
    };
    losses[decay] = (losses[decay] as number) + targetLoss(held, predicted.values);
  }
  return losses;
}
