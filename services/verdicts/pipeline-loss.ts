import type { Objective } from "../pipeline/objectives.ts";

/** The pipeline loss of every row under one composition, and what it is made of. */
export interface PipelineLoss {
  /** [rows]: the sum of the objectives' losses, times their weights. */
  readonly sum: Float64Array;
  /** One entry per objective, in their order: the loss of every row, [rows]. */
  readonly parts: readonly Float64Array[];
}

/**
 * Adds up the losses of the objectives.
 *
 * @param lossesOf the losses of a component, [rows]; undefined if its predictions are invalid
 * @returns undefined if the losses of an objective are
 */
export async function pipelineLoss(
  objectives: readonly Objective[],
  lossesOf: (component: string) => Promise<Float64Array | undefined>,
): Promise<PipelineLoss | undefined> {
  const parts: Float64Array[] = [];
  for (const { component } of objectives) {
    const losses = await lossesOf(component);
    if (losses === undefined) return undefined;
    parts.push(losses);
  }
  return { sum: weightedSum(objectives, parts), parts };
}

/** @param parts the losses of each objective, [rows] each */
export function weightedSum(objectives: readonly Objective[], parts: readonly Float64Array[]): Float64Array {
  const [only, ...others] = parts as [Float64Array, ...Float64Array[]];
  if (others.length === 0) return only;
  const sum = new Float64Array(only.length);
  for (const [at, losses] of parts.entries()) {
    const { weight } = objectives[at] as Objective;
    for (let row = 0; row < sum.length; row++) sum[row] = (sum[row] as number) + weight * (losses[row] as number);
  }
  return sum;
}
