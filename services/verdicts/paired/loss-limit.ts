import { selectInPlace } from "./select.ts";

/**
 * A declared limit of row losses, for tails too heavy for their mean: losses above `bound` count as `bound`, or losses
 * above this quantile of the current composition's losses count as the quantile (winsorizing).
 */
export type LossLimit = { readonly bound: number } | { readonly quantile: number };

/** The largest loss that counts. @param current losses of the current composition, [rows], at least one */
export function lossBound(current: Float64Array, limit: LossLimit): number {
  if ("bound" in limit) return limit.bound;
  return selectInPlace(current.slice(), Math.ceil(limit.quantile * (current.length - 1)));
}

export function limitLosses(losses: Float64Array, bound: number): Float64Array {
  return losses.map((loss) => Math.min(loss, bound));
}
