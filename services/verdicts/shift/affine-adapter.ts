import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { square } from "../../common/elementary.ts";

/** Rows of a fit: more would not make its coefficients noticeably better. */
const MOST_FITTED = 20_000;
/** Multiplications between two yields to the event loop: about 10 ms. */
const WORK_PER_TURN = 1e7;
/** What a row costs beside its multiplications. */
const WORK_PER_ROW = 50;
const COORDINATES_PER_TURN = 8;
/** Of the variance of a standardized coordinate: keeps collinear coordinates solvable, and changes no other fit. */
const RIDGE = 1e-6;

/** y = (x - center) / spread W + offset; `weights` is [width * width], row-major, a row per coordinate of x. */
interface AffineMap {
  readonly center: Float64Array;
  readonly spread: Float64Array;
  readonly weights: Float64Array;
  readonly offset: Float64Array;
}

/**
 * Maps an output to another one as well as an affine map can, by least squares. Cross-fitted: the map of each half of the
 * rows is fitted on the other half, so that no row is mapped by what it taught.
 *
 * @param from [rows * width]; @param to [rows * width]; @param half of each row, 0 or 1, [rows]; neither half may be empty
 * @returns `from`, mapped, [rows * width]
 */
export async function adaptAffinely(
  from: Float32Array,
  to: Float32Array,
  width: number,
  half: Uint8Array,
): Promise<Float32Array> {
  const adapted = new Float32Array(from.length);
  for (const fitted of [0, 1]) {
    const map = await fitAffine(from, to, width, sampleOf(half, fitted));
    await applyTo(adapted, from, map, (row) => half[row] !== fitted);
  }
  return adapted;
}

/** Evenly spaced rows of a half. */
function sampleOf(half: Uint8Array, wanted: number): number[] {
  const rows: number[] = [];
  half.forEach((one, row) => {
    if (one === wanted) rows.push(row);
  });
  const stride = Math.ceil(rows.length / MOST_FITTED);
  return rows.filter((_, at) => at % stride === 0);
}

async function fitAffine(
  from: Float32Array,
  to: Float32Array,
  width: number,
  rows: readonly number[],
): Promise<AffineMap> {
  const { center, spread } = await momentsOf(from, width, rows);
  const { center: offset } = await momentsOf(to, width, rows);
  const gram = new Float64Array(width * width);
  const products = new Float64Array(width * width);
  const x = new Float64Array(width);
  const rowsPerTurn = Math.ceil(WORK_PER_TURN / (square(width) + WORK_PER_ROW));
  for (const [at, row] of rows.entries()) {
    if (at % rowsPerTurn === rowsPerTurn - 1) await yieldToEventLoop();
    standardize(from, row, center, spread, x);
    for (let i = 0; i < width; i++) {
      const left = x[i] as number;
      for (let j = 0, cell = i * width; j < width; j++, cell++) {
        const target = (to[row * width + j] as number) - (offset[j] as number);
        gram[cell] = (gram[cell] as number) + left * (x[j] as number);
        products[cell] = (products[cell] as number) + left * target;
      }
    }
  }
  const normal = matrixOf(gram, width).add(Matrix.eye(width).mul(RIDGE * rows.length));
  const weights = new CholeskyDecomposition(normal).solve(matrixOf(products, width)).to1DArray();
  return { center, spread, offset, weights: Float64Array.from(weights) };
}

function matrixOf(cells: Float64Array, width: number): Matrix {
  return Matrix.from1DArray(width, width, Array.from(cells));
}

/** Writes a row's coordinates into `x`, less their means and in standard deviations. */
function standardize(
  values: Float32Array,
  row: number,
  center: Float64Array,
  spread: Float64Array,
  x: Float64Array,
): void {
  const start = row * x.length;
  for (let i = 0; i < x.length; i++) {
    x[i] = ((values[start + i] as number) - (center[i] as number)) / (spread[i] as number);
  }
}

/** Means and standard deviations of each coordinate; a spread of 0 is replaced by 1. */
async function momentsOf(values: Float32Array, width: number, rows: readonly number[]) {
  const center = new Float64Array(width);
  const spread = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    const mean = rows.reduce((sum, row) => sum + (values[row * width + i] as number), 0) / rows.length;
    const squares = rows.reduce((sum, row) => sum + square((values[row * width + i] as number) - mean), 0);
    center[i] = mean;
    spread[i] = Math.sqrt(squares / rows.length) || 1;
    if (i % COORDINATES_PER_TURN === COORDINATES_PER_TURN - 1) await yieldToEventLoop();
  }
  return { center, spread };
}

async function applyTo(
  adapted: Float32Array,
  from: Float32Array,
  { center, spread, weights, offset }: AffineMap,
  isWanted: (row: number) => boolean,
): Promise<void> {
  const width = center.length;
  const rows = from.length / width;
  const x = new Float64Array(width);
  const y = new Float64Array(width);
  const rowsPerTurn = Math.ceil(WORK_PER_TURN / (square(width) + WORK_PER_ROW));
  for (let row = 0; row < rows; row++) {
    if (row % rowsPerTurn === rowsPerTurn - 1) await yieldToEventLoop();
    if (!isWanted(row)) continue;
    standardize(from, row, center, spread, x);
    y.set(offset);
    for (let i = 0, cell = 0; i < width; i++) {
      for (let j = 0; j < width; j++, cell++) {
        y[j] = (y[j] as number) + (x[i] as number) * (weights[cell] as number);
      }
    }
    adapted.set(y, row * width);
  }
}
