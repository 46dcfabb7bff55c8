import { square } from "../../common/elementary.ts";
import { gaussianQuantile } from "../../common/gaussian-quantile.ts";
import { mean } from "../../common/statistics.ts";
import { GATE_ALPHA } from "../../pipeline/gate.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import { FEWEST_UNITS, UNITS_PER_SQUARED_SKEWNESS } from "../../verdicts/paired/floor.ts";
import { hallInterval } from "../../verdicts/paired/hall.ts";
import { type Interval, samplePaired } from "../../verdicts/paired/paired-interval.ts";
import type { SampleMoments } from "../../verdicts/paired/sample.ts";
import type { LossPair } from "./loss-meter.ts";

/** The level of a gate's intervals: all that its horizon allows to ask hold together. @param horizon at least 1 */
export function gateLevel(horizon: number): number {
  return 1 - GATE_ALPHA / horizon;
}

/** Row losses measured against a margin: below 0 is below the margin. */
export interface MarginSample {
  readonly moments: SampleMoments;
  readonly rows: number;
  /** Mean loss of the reference. */
  readonly loss: number;
  /** Candidate minus reference, mean over rows. */
  readonly difference: number;
  readonly margin: number;
}

/**
 * Measures a loss against a margin that is a fraction of another loss, on the same rows.
 *
 * The margin is relative to a loss that is itself an estimate. The sample therefore is that of the rows c - (1 + m) r,
 * whose mean is below 0 exactly if the candidate is below the margin: the error of the reference's loss is part of its
 * standard error, as in Fieller's (1954) interval of a ratio. For losses that may be negative, such as a policy's, the
 * margin is m |R|, and R + m |R| is the larger of (1 + m) R and (1 - m) R. The sign of the estimate of R chooses. A wrong
 * choice is harmless: it tests the smaller one, and each of the two has half of the error that the level allows.
 *
 * @param margin in [0, 1); 0 asks whether the candidate is better
 * @param seed merges groups of crossed levels
 * @returns undefined if a loss is not finite, or for fewer than two rows or groups
 */
export async function measureMargin(
  { reference, candidate, groupings }: LossPair,
  margin: number,
  seed: number,
): Promise<MarginSample | undefined> {
  const rows = reference.length;
  if (rows < 2 || candidate.length !== rows) return undefined;
  const loss = mean(reference);
  const factor = loss < 0 ? 1 - margin : 1 + margin;
  const shifted = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const value = (candidate[row] as number) - factor * (reference[row] as number);
    if (!Number.isFinite(value)) return undefined;
    shifted[row] = value;
  }
  const moments = await samplePaired(shifted, groupings, seed);
  return moments && { moments, rows, loss, difference: mean(candidate) - loss, margin };
}

/** What rows say about a loss and a margin, at a level. */
export interface MarginTest {
  /** Candidate minus reference as a fraction of the reference's loss; null for a loss of 0. */
  readonly difference: number | null;
  /** Of the difference, at the level; its upper end is below the margin exactly if that is shown. Null without one. */
  readonly interval: Interval | null;
  /** The estimate is below the margin. */
  readonly isBelow: boolean;
  /** The whole interval is, and there are enough rows for a tail of worse ones. */
  readonly isShownBelow: boolean;
  /** The whole interval is above the margin, and there are enough rows for a tail of better ones. */
  readonly isShownAbove: boolean;
  /** Rows that the tail of worse ones needs, if there are fewer. */
  readonly rowsNeeded: number | null;
}

/**
 * Tests by Hall's closed-form interval, at any level.
 * @param share counts so many of the units: whether a part of the rows would be enough
 */
export function testMargin(
  { moments, rows, loss, difference, margin }: MarginSample,
  level: number,
  share = 1,
): MarginTest {
  const [low, high] = hallInterval(moments, level);
  const needed = unitsNeededFor("below", moments, level);
  const isEnough = (units: number) => moments.units * share >= units;
  const relative = (value: number) => value / Math.abs(loss) + margin;
  const ends: Interval = [relative(low), relative(high)];
  return {
    difference: loss === 0 ? null : difference / Math.abs(loss),
    interval: ends.every(Number.isFinite) ? ends : null,
    isBelow: moments.mean < 0,
    isShownBelow: isEnough(needed) && high < 0,
    isShownAbove: isEnough(unitsNeededFor("above", moments, level)) && low > 0,
    rowsNeeded: isEnough(needed) ? null : Math.ceil((rows * needed) / (moments.units * share)),
  };
}

/**
 * The units from which a claim is wrong as seldom as the level says. How far Hall's correction reaches depends on skewness x
 * quantile / sqrt(units), so that units grow with the square of the quantile (`npm run test:gates` shows what that is worth).
 * Only a tail against the claim needs them: where the rare rows of the other tail are missing, the mean looks worse than it is.
 */
function unitsNeededFor(claim: "below" | "above", { skewness }: SampleMoments, level: number): number {
  const { curvature, shift } = skewness;
  // What groups of unequal size add counts for both claims.
  const tail = Math.max(claim === "below" ? curvature : -curvature, Math.abs(curvature - shift));
  const stretch = gaussianQuantile((1 + level) / 2) / gaussianQuantile((1 + CONFIDENCE_LEVEL) / 2);
  return Math.max(FEWEST_UNITS, Math.ceil(UNITS_PER_SQUARED_SKEWNESS * square(tail * stretch)));
}
