import type { DenseLayer } from "../../data/oracle.ts";
import type { Matrix, TrainingProblem } from "../training-problem.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";
import { type FitContext, type FitKind, fitNetworks } from "./fit-networks.ts";
import { rowsOf } from "./matrices.ts";

/** Hardly any: there are many rows. */
const WEIGHT_DECAY = 1e-4;
const LEAST_STEPS = 2000;
const EPOCHS = 25;
/** Bounds the time on large data: some seconds with a compiled engine. */
const MOST_STEPS = 20_000;
const BATCH = 64;

/** How a component's target is fitted by a helper network. */
export function targetKind(problem: TrainingProblem): { kind: FitKind; link: CounterfactualFunction["link"] } {
  return problem.encoding.target.kind === "classes"
    ? { kind: "classification", link: "softmax" }
    : { kind: "regression", link: "identity" };
}

/** A component's target as a function of its inputs, from about as many rows as there are training rows. */
export async function fitTarget(
  problem: TrainingProblem,
  inputs: Matrix,
  target: Matrix,
  context: FitContext,
): Promise<Pick<CounterfactualFunction, "layers" | "link">> {
  const { kind, link } = targetKind(problem);
  const steps = Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.ceil((EPOCHS * rowsOf(inputs)) / BATCH)));
  const members = [{ weightDecay: WEIGHT_DECAY }];
  const [layers] = await fitNetworks({ inputs, target, kind, members, steps }, context);
  return { layers: layers as readonly DenseLayer[], link };
}
