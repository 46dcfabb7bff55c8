import type { Matrix, TrainingProblem } from "../training-problem.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";
import { type FitContext, fitNetwork, type NetworkFit } from "./fit-network.ts";

/** How a component's target is fitted by a helper network. */
export function targetKind(problem: TrainingProblem): {
  kind: NetworkFit["kind"];
  link: CounterfactualFunction["link"];
} {
  return problem.encoding.target.kind === "classes"
    ? { kind: "classification", link: "softmax" }
    : { kind: "regression", link: "identity" };
}

/** Many rows: no penalty, and steps as in the paper's experiments. */
export async function fitTarget(
  problem: TrainingProblem,
  inputs: Matrix,
  target: Matrix,
  context: FitContext,
): Promise<Pick<CounterfactualFunction, "layers" | "link">> {
  const { kind, link } = targetKind(problem);
  const layers = await fitNetwork({ inputs, target, kind, weightDecay: 0, leastSteps: 2000 }, context);
  return { layers, link };
}
