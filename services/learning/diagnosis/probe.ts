import type { DenseLayer } from "../../data/source/oracle.ts";
import { encode } from "../../data/table/encoding.ts";
import type { Table } from "../../data/table/table.ts";
import { predictTarget } from "../counterfactual/counterfactual.ts";
import { type EncodedDataset, numericPart } from "../dataset/encoded-dataset.ts";
import type { Matrix } from "../dataset/row-matrix.ts";
import { rowsOf } from "../dataset/row-matrix.ts";
import { evaluateDense } from "../fitting/dense-function.ts";
import { averageNetworks } from "../fitting/ensemble.ts";
import { type FitContext, type FitTarget, fitNetworks, targetLoss } from "../fitting/fit-networks.ts";
import { fitTargetOf, fittingSteps, targetLink } from "../fitting/fit-target.ts";
import { concatColumns, selectRows } from "../fitting/matrices.ts";

const WEIGHT_DECAYS = [1e-4, 3e-3];
/** Each network is trained on all folds but one, on which its weight decay is evaluated. */
const FOLDS = 3;

/** A flexible model of the component's target, independent of its team's model. */
export interface Probe {
  /** @param table own columns and imputed outputs by name @returns [rows * output width] in units of the output */
  predict(table: Table): Promise<Float32Array>;
}

/**
 * Fits networks of 64 hidden units by cross-validation: one network per weight decay and fold, evaluated on the fold
 * that it was not trained on. The probe predicts with the average of the networks of the best weight decay. For a
 * policy, the networks predict the reward of every action, and the probe chooses the best action.
 *
 * @throws UncoupleError `failed-precondition` (the loss is not finite), `cancelled`
 */
export async function fitProbe(dataset: EncodedDataset<Matrix>, context: FitContext): Promise<Probe> {
  const inputs = concatColumns(dataset.own, dataset.imputed);
  const target = fitTargetOf(dataset, dataset);
  const trials = WEIGHT_DECAYS.flatMap((weightDecay) =>
    Array.from({ length: FOLDS }, (_, fold) => ({ weightDecay, fold, learns: (row: number) => row % FOLDS !== fold })),
  );
  const steps = fittingSteps(dataset.rows);
  const networks = await fitNetworks({ ...target, inputs, members: trials, steps }, context);
  let best: { readonly layers: readonly DenseLayer[]; readonly loss: number } | undefined;
  for (const weightDecay of WEIGHT_DECAYS) {
    const chosen = trials.flatMap((trial, i) =>
      trial.weightDecay === weightDecay ? [{ fold: trial.fold, layers: networks[i] as readonly DenseLayer[] }] : [],
    );
    let loss = 0;
    for (const { fold, layers } of chosen) loss += await unseenLoss(layers, inputs, target, fold);
    if (best === undefined || loss < best.loss) {
      best = { layers: averageNetworks(chosen.map(({ layers }) => layers)), loss };
    }
  }
  const { layers } = best as NonNullable<typeof best>;
  return {
    predict: async (table) =>
      decode(dataset, await predictTarget({ layers, link: targetLink(dataset) }, encoded(dataset, table))),
  };
}

async function unseenLoss(
  layers: readonly DenseLayer[],
  inputs: Matrix,
  target: FitTarget<Matrix>,
  fold: number,
): Promise<number> {
  const unseen = (row: number) => row % FOLDS === fold;
  const predicted = (await evaluateDense(layers, [selectRows(inputs, unseen)])).values;
  return targetLoss(
    {
      kind: target.kind,
      target: selectRows(target.target, unseen),
      ...(target.observed !== undefined && { observed: selectRows(target.observed, unseen) }),
    },
    predicted,
  );
}

function encoded({ encoding, own, imputed }: EncodedDataset, table: Table): Matrix[] {
  return [
    ...(own === undefined ? [] : [{ width: encoding.columns.width, values: encode(encoding.columns, table) }]),
    ...(imputed === undefined ? [] : [{ width: encoding.imputed.width, values: encode(encoding.imputed, table) }]),
  ];
}

function decode({ encoding }: EncodedDataset, output: Matrix): Float32Array {
  const { target } = encoding;
  const { width, values } = output;
  switch (target.kind) {
    case "standardized": {
      const { mean, std } = numericPart(target.encoding);
      return values.map((value, i) => value * (std[i % width] as number) + (mean[i % width] as number));
    }
    case "classes":
      return values;
    case "rewards": {
      const best = new Float32Array(values.length);
      for (let row = 0; row < rowsOf(output); row++) {
        const rewards = values.subarray(row * width, (row + 1) * width);
        best[row * width + rewards.indexOf(rewards.reduce((a, b) => Math.max(a, b)))] = 1;
      }
      return best;
    }
  }
}
