import { square } from "../../common/elementary.ts";

/** The values of a column that rows share: a row's code, 0 to `count - 1`. */
export interface Grouping {
  readonly codes: Int32Array;
  readonly count: number;
}

/**
 * The skewness of a studentized mean over n independent units, in the notation of Hall (1992, section 3.9.2): the first
 * term of its Edgeworth expansion is (shift + curvature (2 x^2) / 1) / (6 sqrt n); see `hall.ts`. For units of equal size
 * both numbers are the skewness of the unit sums.
 */
export interface Skewness {
  readonly shift: number;
  readonly curvature: number;
}

/** The mean of row differences, with all that its closed-form interval needs. */
export interface SampleMoments {
  /** Mean over rows. */
  readonly mean: number;
  /** Independent units: rows, or groups; of crossed groups those of the level with the fewest. */
  readonly units: number;
  readonly standardError: number;
  readonly skewness: Skewness;
}

export interface PairedSample extends SampleMoments {
  /**
   * Draws resamples with Poisson weights and studentizes the mean of each.
   * @returns the studentized means, ascending; infinite for a resample without variance
   */
  resample(count: number): Promise<Float64Array>;
}

/** Sums of the residuals d - mean over the rows of every unit, and the numbers of those rows. */
export interface UnitSums {
  readonly residuals: Float64Array;
  readonly sizes: Float64Array;
}

/** @param unitOf a row's unit; undefined if every row is one */
export function unitSums(residuals: Float64Array, unitOf: Int32Array | undefined, units: number): UnitSums {
  if (unitOf === undefined) return { residuals, sizes: new Float64Array(units).fill(1) };
  const sums = new Float64Array(units);
  const sizes = new Float64Array(units);
  for (let row = 0; row < residuals.length; row++) {
    const unit = unitOf[row] as number;
    sums[unit] = (sums[unit] as number) + (residuals[row] as number);
    sizes[unit] = (sizes[unit] as number) + 1;
  }
  return { residuals: sums, sizes };
}

export interface UnitMoments {
  /** Sum of squared residual sums. */
  readonly squares: number;
  readonly skewness: Skewness;
}

/**
 * The second and third moments of the units' residuals. With units of different sizes the mean is a ratio of sums, and the
 * expansion of its studentized form has a further term in cov(residual, size).
 */
export function unitMoments({ residuals, sizes }: UnitSums, rows: number): UnitMoments {
  const units = residuals.length;
  let squares = 0;
  let cubes = 0;
  let products = 0;
  for (let unit = 0; unit < units; unit++) {
    const residual = residuals[unit] as number;
    const squared = square(residual);
    squares += squared;
    cubes += squared * residual;
    products += residual * (sizes[unit] as number);
  }
  const deviation = Math.sqrt(squares / units);
  if (deviation === 0) return { squares, skewness: { shift: 0, curvature: 0 } };
  const shift = cubes / units / (deviation * deviation * deviation);
  const sizeEffect = products / units / (deviation * (rows / units));
  return { squares, skewness: { shift, curvature: shift - 3 * sizeEffect } };
}
