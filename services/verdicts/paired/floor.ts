import { square } from "../../common/elementary.ts";
import type { PairedSample } from "./sample.ts";

/** Fewer independent units leave the standard error itself unknown. */
export const FEWEST_UNITS = 30;
/** Units needed per squared skewness; `npm run calibrate:floor` shows how it was found. */
export const UNITS_PER_SQUARED_SKEWNESS = 15;

/**
 * The number of independent units from which the corrected intervals keep their level. Below it, a sample most likely
 * lacks the rare rows that decide the mean, which no interval can make up for.
 */
export function unitsNeeded({ skewness }: Pick<PairedSample, "skewness">): number {
  return Math.max(FEWEST_UNITS, Math.ceil(UNITS_PER_SQUARED_SKEWNESS * square(skewness.curvature)));
}
