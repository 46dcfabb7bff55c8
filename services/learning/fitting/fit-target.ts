import type { DenseLayer } from "../../data/source/oracle.ts";
import type { EncodedDataset, LoggedMatrices } from "../dataset/encoded-dataset.ts";
import { type RowMatrix, rowsOf } from "../dataset/row-matrix.ts";
import { type FitContext, type FitTarget, fitNetworks } from "./fit-networks.ts";

/** Small, because there are many rows. */
const WEIGHT_DECAY = 1e-4;
const MIN_STEPS = 2000;
const EPOCHS = 25;
/** Bounds the time on large data: a few seconds with a compiled engine. */
const MAX_STEPS = 20_000;
const BATCH = 64;

/** A component's target as a dense network of its encoded inputs. */
export interface TargetFunction {
  /** Dense layers with ReLU between them; reads [own, z]. */
  readonly layers: readonly DenseLayer[];
  /** `softmax` if the target is a distribution over classes. */
  readonly link: "identity" | "softmax";
}

/**
 * The target to which helper networks of a component are fitted. For logged actions, only the observed reward counts:
 * it has far less noise than an estimate of the reward of every action.
 */
export function fitTargetOf<M extends RowMatrix>(
  dataset: EncodedDataset,
  rows: { readonly target: M; readonly logged?: LoggedMatrices<M> },
): FitTarget<M> {
  if (rows.logged !== undefined) {
    const { rewards, observed } = rows.logged;
    return { kind: "regression", target: rewards, observed };
  }
  const kind = dataset.encoding.target.kind === "classes" ? "classification" : "regression";
  return { kind, target: rows.target };
}

/** Maps the output of a network fitted to the component's target to that target. */
export function targetLink(dataset: EncodedDataset): TargetFunction["link"] {
  return dataset.encoding.target.kind === "classes" ? "softmax" : "identity";
}

/** Number of steps for a fit to about as many rows as there are training rows. */
export function fittingSteps(rows: number): number {
  return Math.min(MAX_STEPS, Math.max(MIN_STEPS, Math.ceil((EPOCHS * rows) / BATCH)));
}

/** Fits a component's target as a function of its inputs, to about as many rows as there are training rows. */
export async function fitOnManyRows(
  dataset: EncodedDataset,
  inputs: RowMatrix,
  target: FitTarget,
  context: FitContext,
): Promise<TargetFunction> {
  const members = [{ weightDecay: WEIGHT_DECAY }];
  const fit = { ...target, inputs, members, steps: fittingSteps(rowsOf(inputs)) };
  const [layers] = await fitNetworks(fit, context);
  return { layers: layers as readonly DenseLayer[], link: targetLink(dataset) };
}
