import type { EncodedDataset, LoggedMatrices } from "../dataset/encoded-dataset.ts";
import { mapRows } from "../dataset/row-matrix.ts";
import { evaluateDense } from "../fitting/dense-function.ts";
import { type FitContext, fitNetworks } from "../fitting/fit-networks.ts";
import { fitTargetOf, fittingSteps } from "../fitting/fit-target.ts";
import { joinedColumns } from "../fitting/matrices.ts";

const WEIGHT_DECAY = 1e-3;

/**
 * Estimates the rewards of all actions from the logged ones by the doubly robust estimator of Dudik, Langford and Li
 * (2011), q(a) + [a = logged] (r - q(a)) / p, with a reward model q of the component's inputs. q is cross-fitted: each
 * half of the rows is predicted by the network trained on the other half, because a q that has memorized a row's reward
 * leaves no residual for the correction.
 *
 * @returns the dataset with this estimate as its target
 * @throws UncoupleError `failed-precondition` (the loss is not finite), `cancelled`
 */
export async function doublyRobust(
  dataset: EncodedDataset,
  logged: LoggedMatrices,
  context: FitContext,
): Promise<EncodedDataset> {
  const inputs = await joinedColumns(dataset.own, dataset.imputed);
  const halves = [0, 1].map((half) => ({ weightDecay: WEIGHT_DECAY, learns: (row: number) => row % 2 !== half }));
  const networks = await fitNetworks(
    { ...fitTargetOf(dataset, dataset), inputs, members: halves, steps: fittingSteps(dataset.rows) },
    context,
  );
  const { width } = dataset.target;
  const target = await mapRows(
    [inputs, logged.rewards, logged.observed, logged.propensity],
    async ([given, rewards, observed, propensity], from) => {
      const models: Float32Array[] = [];
      for (const layers of networks) models.push((await evaluateDense(layers, [given])).values);
      const values = rewards.values.map((reward, i) => {
        const row = Math.floor(i / width);
        const q = (models[(from + row) % 2] as Float32Array)[i] as number;
        return observed.values[i] === 0 ? q : q + (reward - q) / (propensity.values[row] as number);
      });
      return { width, values };
    },
  );
  return { ...dataset, target };
}
