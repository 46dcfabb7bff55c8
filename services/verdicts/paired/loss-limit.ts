import type { LossLimit } from "../../pipeline/pipeline.ts";
import { selectInPlace } from "./select.ts";

/** The largest loss that counts. @param current losses of the current composition, [rows], at least one */
export function lossBound(current: Float64Array, limit: LossLimit): number {
  if ("bound" in limit) return limit.bound;
  return selectInPlace(current.slice(), Math.ceil(limit.quantile * (current.length - 1)));
}

export function limitLosses(losses: Float64Array, bound: number): Float64Array {
  return losses.map((loss) => Math.min(loss, bound));
}
