import type { DenseLayer } from "../../data/oracle.ts";
import { createRandom } from "../../data/random.ts";
import type { Matrix } from "../training-problem.ts";
import { averageNetworks } from "./ensemble.ts";
import { type FitContext, fitNetwork, type NetworkFit } from "./fit-network.ts";
import { evaluateLayers, rowsOf, selectRows } from "./matrices.ts";

/** Tried in this order until the cross-validated loss no longer falls. */
const WEIGHT_DECAYS = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
const FOLDS = 4;
/** From so many rows on one fold tells enough. */
const ONE_FOLD_ROWS = 2000;
/** Averaging removes most of the variance that the start and the order of the batches cause. */
const MEMBERS = 4;
const LEAST_STEPS = 1000;

export interface SmallSample {
  /** Alternative descriptions of the same rows; the one that predicts best in cross-validation is taken. */
  readonly inputs: readonly Matrix[];
  readonly target: Matrix;
  readonly kind: NetworkFit["kind"];
}

export interface FittedSample {
  /** Which of the alternative inputs the network reads. */
  readonly chosen: number;
  readonly layers: readonly DenseLayer[];
}

/**
 * Fits a small sample, some tens to some thousands of rows: weight decay and inputs by 4-fold cross-validation, then the
 * average of four networks on all rows.
 *
 * @throws UncoupleError as `fitNetwork`
 */
export async function fitFewRows(sample: SmallSample, context: FitContext): Promise<FittedSample> {
  const rows = rowsOf(sample.target);
  const folds = assignFolds(rows, context.seed);
  let chosen = 0;
  let { weightDecay, loss } = await bestWeightDecay(sample, sample.inputs[0] as Matrix, folds, context);
  for (let candidate = 1; candidate < sample.inputs.length; candidate++) {
    const inputs = sample.inputs[candidate] as Matrix;
    const candidateLoss = await crossValidate({ ...sample, inputs, weightDecay }, folds, context);
    if (candidateLoss < loss) {
      chosen = candidate;
      loss = candidateLoss;
    }
  }
  if (chosen > 0) {
    ({ weightDecay } = await bestWeightDecay(sample, sample.inputs[chosen] as Matrix, folds, context));
  }
  const members: (readonly DenseLayer[])[] = [];
  for (let member = 0; member < MEMBERS; member++) {
    const fit = { ...sample, inputs: sample.inputs[chosen] as Matrix, weightDecay, leastSteps: LEAST_STEPS };
    members.push(await fitNetwork(fit, { ...context, seed: subSeed(context.seed, `member/${member}`) }));
  }
  return { chosen, layers: averageNetworks(members) };
}

/** A seed for one of several fits that must not share their initial weights. */
export function subSeed(seed: number, purpose: string): number {
  return createRandom(seed, `counterfactual/${purpose}`).uint32();
}

async function bestWeightDecay(
  sample: SmallSample,
  inputs: Matrix,
  folds: Uint8Array,
  context: FitContext,
): Promise<{ weightDecay: number; loss: number }> {
  let best = { weightDecay: 0, loss: Number.POSITIVE_INFINITY };
  for (const weightDecay of WEIGHT_DECAYS) {
    const loss = await crossValidate({ ...sample, inputs, weightDecay }, folds, context);
    if (loss >= best.loss) break;
    best = { weightDecay, loss };
  }
  return best;
}

function assignFolds(rows: number, seed: number): Uint8Array {
  const order = createRandom(seed, "counterfactual/folds").permutation(rows);
  const folds = new Uint8Array(rows);
  order.forEach((row, i) => {
    folds[row] = i % FOLDS;
  });
  return folds;
}

/** Mean loss on rows that the fit did not see. */
async function crossValidate(
  fit: Pick<NetworkFit, "inputs" | "target" | "kind" | "weightDecay">,
  folds: Uint8Array,
  context: FitContext,
): Promise<number> {
  let sum = 0;
  let count = 0;
  for (let fold = 0; fold < (folds.length >= ONE_FOLD_ROWS ? 1 : FOLDS); fold++) {
    const inside = (row: number) => folds[row] !== fold;
    const outside = (row: number) => folds[row] === fold;
    const layers = await fitNetwork(
      {
        ...fit,
        inputs: selectRows(fit.inputs, inside),
        target: selectRows(fit.target, inside),
        leastSteps: LEAST_STEPS,
      },
      { ...context, seed: subSeed(context.seed, `fold/${fold}`) },
    );
    const held = selectRows(fit.inputs, outside);
    const target = selectRows(fit.target, outside);
    sum += totalLoss(fit.kind, evaluateLayers(layers, [held]).values, target);
    count += rowsOf(held);
  }
  return sum / count;
}

function totalLoss(kind: NetworkFit["kind"], output: Float32Array, target: Matrix): number {
  let sum = 0;
  if (kind === "regression") {
    output.forEach((value, i) => {
      sum += (value - (target.values[i] as number)) ** 2;
    });
    return sum;
  }
  for (let start = 0; start < output.length; start += target.width) {
    const logits = output.subarray(start, start + target.width);
    const highest = logits.reduce((a, b) => Math.max(a, b));
    const logSum = highest + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - highest), 0));
    logits.forEach((logit, k) => {
      sum += (target.values[start + k] as number) * (logSum - logit);
    });
  }
  return sum;
}
