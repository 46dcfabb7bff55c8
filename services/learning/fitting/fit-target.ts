import type { DenseLayer } from "../../data/source/oracle.ts";
import type { LoggedRewards } from "../../data/targets/target-column.ts";
import type { EncodedDataset, Matrix } from "../dataset/encoded-dataset.ts";
import { type FitContext, type FitTarget, fitNetworks } from "./fit-networks.ts";
import { rowsOf } from "./matrices.ts";

/** Hardly any: there are many rows. */
const WEIGHT_DECAY = 1e-4;
const LEAST_STEPS = 2000;
const EPOCHS = 25;
/** Bounds the time on large data: some seconds with a compiled engine. */
const MOST_STEPS = 20_000;
const BATCH = 64;

/** A component's target as a dense network of its encoded inputs. */
export interface TargetFunction {
  /** Dense layers with ReLU between them; reads [own, z]. */
  readonly layers: readonly DenseLayer[];
  /** `softmax` where the target is a distribution over classes. */
  readonly link: "identity" | "softmax";
}

/**
 * A component's target as a helper network is fitted to it. Of logged actions only the reward that was observed counts:
 * that has far less noise than an estimate of the reward of every action.
 */
export function fitTargetOf(
  dataset: EncodedDataset,
  rows: { readonly target: Matrix; readonly logged?: LoggedRewards },
): FitTarget {
  const { width } = rows.target;
  if (rows.logged !== undefined) {
    const { rewards, observed } = rows.logged;
    return { kind: "regression", target: { width, values: rewards }, observed: { width, values: observed } };
  }
  const kind = dataset.encoding.target.kind === "classes" ? "classification" : "regression";
  return { kind, target: rows.target };
}

/** How a network that was fitted to the component's target gives it. */
export function targetLink(dataset: EncodedDataset): TargetFunction["link"] {
  return dataset.encoding.target.kind === "classes" ? "softmax" : "identity";
}

/** Steps for about as many rows as there are training rows. */
export function fittingSteps(rows: number): number {
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.ceil((EPOCHS * rows) / BATCH)));
}

/** A component's target as a function of its inputs, from about as many rows as there are training rows. */
export async function fitOnManyRows(
  dataset: EncodedDataset,
  inputs: Matrix,
  target: FitTarget,
  context: FitContext,
): Promise<TargetFunction> {
  const members = [{ weightDecay: WEIGHT_DECAY }];
  const fit = { ...target, inputs, members, steps: fittingSteps(rowsOf(inputs)) };
  const [layers] = await fitNetworks(fit, context);
  return { layers: layers as readonly DenseLayer[], link: targetLink(dataset) };
}
