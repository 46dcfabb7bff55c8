import { yieldToEventLoop } from "../common/async/yield.ts";
import { exp } from "../common/elementary.ts";

export type Interval = readonly [low: number, high: number];

export interface PairedDifference {
  /** Mean over rows of candidate minus current. */
  readonly difference: number;
  /** 95 % percentile interval of that mean. */
  readonly interval: Interval;
}

const RESAMPLES = 2000;
/** Beyond this many rows, rows are first averaged in at most this many random groups of equal size. */
const MOST_UNITS = 10_000;
/** Weights drawn before yielding to the event loop: a few milliseconds. */
const DRAWS_PER_TURN = 1_000_000;

/**
 * Computes the paired percentile bootstrap over rows of the mean loss difference (Efron & Tibshirani 1993, section 13.3), with
 * independent Poisson(1) weights in place of multinomial ones and the sum divided by the drawn weight (Chamandy et al.
 * 2012, "Estimating uncertainty for massive data streams"): the same interval up to O(1 / rows), drawn without random
 * memory access.
 *
 * Beyond 10,000 rows, rows are first averaged in at most 10,000 random groups, and groups are resampled: a group mean
 * has 1 / size of a row's variance, so the mean over resampled groups has the variance that the mean over resampled
 * rows has, and at such sizes both distributions are normal to well below the resampling noise. The cost is at most
 * 2 x 10^7 weights, less than a tenth of a second, for any number of rows. Yields to the event loop every few
 * milliseconds.
 *
 * @param current losses of every row under the current composition; @param candidate the same for the candidate
 * @param seed the same seed and losses give the same interval
 * @returns undefined if a loss is not finite or there are fewer than two rows
 */
export async function pairedBootstrap(
  current: Float64Array,
  candidate: Float64Array,
  seed: number,
): Promise<PairedDifference | undefined> {
  const rows = current.length;
  if (rows < 2 || candidate.length !== rows) return undefined;
  const differences = new Float64Array(rows);
  let sum = 0;
  let different = false;
  for (let row = 0; row < rows; row++) {
    const difference = (candidate[row] as number) - (current[row] as number);
    if (!Number.isFinite(difference)) return undefined;
    differences[row] = difference;
    sum += difference;
    different ||= difference !== 0;
  }
  if (!different) return { difference: 0, interval: [0, 0] };

  const random: Random = { state: seed | 0 };
  const units = grouped(differences, random);
  const means = new Float64Array(RESAMPLES);
  const resamplesPerTurn = Math.max(1, Math.floor(DRAWS_PER_TURN / units.length));
  for (let resample = 0; resample < RESAMPLES; resample++) {
    means[resample] = resampledMean(units, random);
    if ((resample + 1) % resamplesPerTurn === 0) await yieldToEventLoop();
  }
  means.sort();
  return { difference: sum / rows, interval: [quantile(means, 0.025), quantile(means, 0.975)] };
}

/** Derives a seed from the names of a comparison, so that judging it again gives the same numbers (FNV-1a, 32 bits). */
export function seedOf(...names: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of names.join("/")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * Returns the means of random groups of equal size. Leftover rows, fewer than one group and so below one in 5,000, are
 * excluded from resampling, but not from the difference itself.
 */
function grouped(values: Float64Array, random: Random): Float64Array {
  if (values.length <= MOST_UNITS) return values;
  const shuffled = values.slice();
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor((next(random) >>> 0) * ((i + 1) / 2 ** 32));
    const kept = shuffled[i] as number;
    shuffled[i] = shuffled[j] as number;
    shuffled[j] = kept;
  }
  const size = Math.ceil(values.length / MOST_UNITS);
  const means = new Float64Array(Math.floor(values.length / size));
  for (let group = 0; group < means.length; group++) {
    let sum = 0;
    for (let row = group * size; row < (group + 1) * size; row++) sum += shuffled[row] as number;
    means[group] = sum / size;
  }
  return means;
}

/** Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996). @param sorted ascending */
function quantile(sorted: Float64Array, probability: number): number {
  const place = (sorted.length - 1) * probability;
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}

/** Maps 16 uniform bits to a Poisson(1) weight by inversion; weights above 8 (one in a million) are truncated. */
const WEIGHT_OF_BITS = poissonTable();

function poissonTable(): Uint8Array {
  const table = new Uint8Array(2 ** 16);
  let probability = exp(-1);
  let cumulative = 0;
  let filled = 0;
  for (let weight = 0; filled < table.length && weight <= 8; weight++) {
    cumulative += probability;
    const end = weight === 8 ? table.length : Math.round(cumulative * table.length);
    table.fill(weight, filled, end);
    filled = end;
    probability /= weight + 1;
  }
  return table;
}

/** Draws one resample: two weights from every 32 random bits. */
function resampledMean(units: Float64Array, random: Random): number {
  const even = units.length - (units.length % 2);
  for (;;) {
    let state = random.state;
    let sum = 0;
    let weights = 0;
    for (let unit = 0; unit < even; unit += 2) {
      // `next`, inlined: a call for every draw would double the time.
      state = (state + 0x9e3779b9) | 0;
      let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
      bits ^= bits >>> 15;
      const first = WEIGHT_OF_BITS[bits & 0xffff] as number;
      const second = WEIGHT_OF_BITS[bits >>> 16] as number;
      sum += first * (units[unit] as number) + second * (units[unit + 1] as number);
      weights += first + second;
    }
    random.state = state;
    if (even < units.length) {
      const last = WEIGHT_OF_BITS[next(random) & 0xffff] as number;
      sum += last * (units[even] as number);
      weights += last;
    }
    // All weights 0: possible with a handful of rows only; such a resample does not exist.
    if (weights > 0) return sum / weights;
  }
}

/** splitmix32: a Weyl sequence, mixed (Steele, Lea & Flood 2014; the 32-bit constants are Tommy Ettinger's). */
interface Random {
  state: number;
}

/** @returns 32 random bits */
function next(random: Random): number {
  random.state = (random.state + 0x9e3779b9) | 0;
  let bits = Math.imul(random.state ^ (random.state >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return bits ^ (bits >>> 15);
}
