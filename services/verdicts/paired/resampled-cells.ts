import { yieldToEventLoop } from "../../common/async/yield.ts";
import { square } from "../../common/elementary.ts";
import { drawWeights, type RandomBits, randomClasses } from "../../common/random-weights.ts";
import { WEIGHTS_PER_TURN } from "./poisson-resamples.ts";
import { type Grouping, type PairedSample, unitMoments, unitSums } from "./sample.ts";

/** Groups of the larger level are merged at random until there are at most this many cells. */
const MOST_CELLS = 4096;
/** A level keeps at least this many groups when levels are merged. */
const KEPT_GROUPS = 64;

/**
 * The mean of the differences where rows share groups of two crossed levels, such as users and items. A row's weight in a
 * resample is the product of one Poisson(1) weight per level (Owen & Eckles 2012, "Bootstrapping data arrays of arbitrary
 * order"). The variance, of the mean and within each resample, is that of two-way clustering, V_first + V_second - V_cells
 * (Cameron, Gelbach & Miller 2011), but at least that of either level alone. Dividing by it removes the product weights'
 * excess variance, which Owen & Eckles accept.
 *
 * @param residuals differences minus their mean, by row
 */
export async function sampleCells(
  mean: number,
  residuals: Float64Array,
  [first, second]: readonly [Grouping, Grouping],
  random: RandomBits,
): Promise<PairedSample> {
  const rows = residuals.length;
  const cells = sumCells(residuals, merged(first, second.count, random), merged(second, first.count, random));
  await yieldToEventLoop();
  const variance = cellVariance(cells, new Uint8Array(cells.firsts).fill(1), new Uint8Array(cells.seconds).fill(1));
  // The level whose skewness distorts the interval more: skewness counts by its ratio to the root of the group count.
  const tails = [first, second].map(({ codes, count }) => ({
    count,
    ...unitMoments(unitSums(residuals, codes, count), rows),
  }));
  const distortion = ({ skewness, count }: (typeof tails)[number]) => square(skewness.curvature) / count;
  const [one, other] = tails as [(typeof tails)[number], (typeof tails)[number]];
  const worse = distortion(one) >= distortion(other) ? one : other;
  const units = Math.min(first.count, second.count);
  const scale = Math.sqrt(units / worse.count);
  return {
    mean,
    units,
    standardError: Math.sqrt((variance.squares * units) / (units - 1)) / rows,
    // In terms of `units`, so that skewness / sqrt(units) is that of the worse level.
    skewness: { shift: worse.skewness.shift * scale, curvature: worse.skewness.curvature * scale },
    async resample(count) {
      const studentized = new Float64Array(count);
      const perTurn = Math.max(1, Math.floor(WEIGHTS_PER_TURN / cells.first.length / 8));
      const firstWeights = new Uint8Array(cells.firsts);
      const secondWeights = new Uint8Array(cells.seconds);
      for (let drawn = 0; drawn < count; ) {
        drawWeights(firstWeights, random);
        drawWeights(secondWeights, random);
        const { shift, squares, size } = cellVariance(cells, firstWeights, secondWeights);
        if (size === 0) continue;
        studentized[drawn] = shift === 0 ? 0 : (shift * size) / Math.sqrt(squares);
        drawn += 1;
        if (drawn % perTurn === 0) await yieldToEventLoop();
      }
      return studentized.sort();
    },
  };
}

/** Merges the groups of a level at random if the two levels have too many cells. */
function merged({ codes, count }: Grouping, others: number, random: RandomBits): Grouping {
  const most = Math.max(KEPT_GROUPS, Math.floor(MOST_CELLS / others));
  if (count <= most) return { codes, count };
  const classOf = randomClasses(count, most, random);
  return { codes: codes.map((code) => classOf[code] as number), count: most };
}

/** The pairs of groups that have rows. */
interface Cells {
  readonly firsts: number;
  readonly seconds: number;
  /** [cells]: the groups of a cell. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** [2 * cells]: the sum of a cell's residuals and the number of its rows. */
  readonly terms: Float64Array;
}

function sumCells(residuals: Float64Array, first: Grouping, second: Grouping): Cells {
  const all = unitSums(
    residuals,
    first.codes.map((code, row) => code * second.count + (second.codes[row] as number)),
    first.count * second.count,
  );
  const filled = [...all.sizes.keys()].filter((cell) => (all.sizes[cell] as number) > 0);
  return {
    firsts: first.count,
    seconds: second.count,
    first: Int32Array.from(filled, (cell) => Math.floor(cell / second.count)),
    second: Int32Array.from(filled, (cell) => cell % second.count),
    terms: Float64Array.from(filled.flatMap((cell) => [all.residuals[cell] as number, all.sizes[cell] as number])),
  };
}

/**
 * The weighted mean of the residuals, `shift`, the weighted number of rows, `size`, and size^2 times the two-way variance
 * of that mean, `squares`.
 */
function cellVariance(cells: Cells, firstWeights: Uint8Array, secondWeights: Uint8Array) {
  const { first, second, terms } = cells;
  // Pairs: the residuals and the sizes of a group, each weighted by the other level.
  const firstSums = new Float64Array(2 * cells.firsts);
  const secondSums = new Float64Array(2 * cells.seconds);
  let squares = 0;
  let products = 0;
  let sizeSquares = 0;
  for (let cell = 0, at = 0; cell < first.length; cell++, at += 2) {
    const a = first[cell] as number;
    const b = second[cell] as number;
    const weightA = firstWeights[a] as number;
    const weightB = secondWeights[b] as number;
    const e = terms[at] as number;
    const n = terms[at + 1] as number;
    firstSums[2 * a] = (firstSums[2 * a] as number) + weightB * e;
    firstSums[2 * a + 1] = (firstSums[2 * a + 1] as number) + weightB * n;
    secondSums[2 * b] = (secondSums[2 * b] as number) + weightA * e;
    secondSums[2 * b + 1] = (secondSums[2 * b + 1] as number) + weightA * n;
    const weight = weightA * weightB;
    squares += weight * e * e;
    products += weight * e * n;
    sizeSquares += weight * n * n;
  }
  let sum = 0;
  let size = 0;
  for (let a = 0; a < cells.firsts; a++) {
    const weight = firstWeights[a] as number;
    sum += weight * (firstSums[2 * a] as number);
    size += weight * (firstSums[2 * a + 1] as number);
  }
  const shift = size === 0 ? 0 : sum / size;
  const ofFirst = levelSquares(firstSums, firstWeights, shift);
  const ofSecond = levelSquares(secondSums, secondWeights, shift);
  const ofCells = squares - 2 * shift * products + shift * shift * sizeSquares;
  return { shift, size, squares: Math.max(ofFirst, ofSecond, ofFirst + ofSecond - ofCells, 0) };
}

function levelSquares(sums: Float64Array, weights: Uint8Array, shift: number): number {
  let squares = 0;
  for (let group = 0; group < weights.length; group++) {
    const weight = weights[group] as number;
    squares += weight * square((sums[2 * group] as number) - shift * (sums[2 * group + 1] as number));
  }
  return squares;
}
