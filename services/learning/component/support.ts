import { Matrix as DenseMatrix, EigenvalueDecomposition } from "ml-matrix";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { exp, log } from "../../common/elementary.ts";
import { type Matrix, matrixBlocks, type RowMatrix, rowsOf } from "../dataset/row-matrix.ts";

/** How much of their space the imputed inputs cover. Causal training is consistent only if they cover all of it. */
export interface SupportReport {
  /** Number of imputed coordinates. */
  readonly width: number;
  /**
   * Effective rank of the correlation matrix, exp of the entropy of its normalized eigenvalues (Roy and Vetterli
   * 2007), in [1, width].
   */
  readonly effectiveRank: number;
  /** Share of variance along the weakest direction, relative to an even spread; in [0, 1]. */
  readonly weakest: number;
  /**
   * Share of the audited rows whose annotated z lies within the range of zhat along every principal direction of zhat:
   * how often the output of a perfect upstream lies within the range of the training inputs. In [0, 1].
   */
  readonly covered?: number;
}

/** The weakest direction of zhat counts as not covered below this share of an even spread. */
const WEAK_DIRECTION = 0.02;
/** The true values count as not covered if fewer audited rows than this share lie within the range of zhat. */
const MIN_COVERED = 0.8;

/** Multiplications between two yields to the event loop: about 10 ms. */
const WORK_PER_YIELD = 1e7;

/**
 * Measures the support. Yields to the event loop except during the decomposition, which takes 90 ms at a width of 192.
 *
 * @param imputed standardized imputed inputs
 * @param annotated the true values of the audited rows, if any, in the same space
 */
export async function measureSupport(imputed: RowMatrix, annotated?: Matrix): Promise<SupportReport> {
  const { width } = imputed;
  const sums = await correlation(imputed);
  await yieldToEventLoop();
  const { realEigenvalues: values, eigenvectorMatrix } = new EigenvalueDecomposition(sums, { assumeSymmetric: true });
  const directions = eigenvectorMatrix.transpose().to2DArray();
  const total = values.reduce((sum, value) => sum + value, 0);
  const covered = annotated === undefined ? {} : { covered: await coveredShare(imputed, annotated, directions) };
  if (total === 0) return { width, effectiveRank: 1, weakest: 0, ...covered };
  const shares = values.map((value) => Math.max(0, value) / total);
  const entropy = shares.reduce((sum, share) => (share > 0 ? sum - share * log(share) : sum), 0);
  return { width, effectiveRank: exp(entropy), weakest: Math.min(...shares) * width, ...covered };
}

/** The warning to show before causal training on these inputs; undefined if they cover their space. */
export function supportWarning(report: SupportReport): string | undefined {
  const { effectiveRank, width, weakest, covered } = report;
  const gaps: string[] = [];
  if (weakest < WEAK_DIRECTION) {
    gaps.push(
      `effective rank ${effectiveRank.toFixed(2)} of ${width}, ` +
        `weakest direction ${(100 * weakest).toFixed(1)} % of an even spread`,
    );
  }
  if (covered !== undefined && covered < MIN_COVERED) {
    gaps.push(`${(100 * covered).toFixed(0)} % of the audited true values lie within their range`);
  }
  if (gaps.length === 0) return undefined;
  return (
    `the imputed inputs do not cover their space: ${gaps.join("; ")}; causal training is underdetermined there and ` +
    `may be inconsistent; use causal-proximal`
  );
}

async function coveredShare(
  imputed: RowMatrix,
  annotated: Matrix,
  directions: readonly (readonly number[])[],
): Promise<number> {
  const { width } = imputed;
  const inside = new Uint8Array(annotated.values.length / width).fill(1);
  for (const direction of directions) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for await (const { block } of matrixBlocks([imputed])) {
      for (const at of await along(direction, block[0])) {
        low = Math.min(low, at);
        high = Math.max(high, at);
      }
    }
    const positions = await along(direction, annotated);
    positions.forEach((at, row) => {
      if (at < low || at > high) inside[row] = 0;
    });
  }
  return inside.reduce((sum, one) => sum + one, 0) / inside.length;
}

/** @returns the projection of each row onto a direction, [rows] */
async function along(direction: readonly number[], { width, values }: Matrix): Promise<Float64Array> {
  const positions = new Float64Array(values.length / width);
  await forRows(positions.length, width, (row) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += (direction[k] as number) * (values[row * width + k] as number);
    positions[row] = sum;
  });
  return positions;
}

async function correlation(imputed: RowMatrix): Promise<DenseMatrix> {
  const { width } = imputed;
  const rows = rowsOf(imputed);
  const sums = new Float64Array(width * width);
  for await (const { block } of matrixBlocks([imputed])) {
    const { values } = block[0];
    await forRows(values.length / width, width * width, (row) => {
      for (let i = 0; i < width; i++) {
        const a = values[row * width + i] as number;
        for (let j = 0; j <= i; j++)
          sums[i * width + j] = (sums[i * width + j] as number) + a * (values[row * width + j] as number);
      }
    });
  }
  const matrix = new DenseMatrix(width, width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      const value = (sums[i * width + j] as number) / rows;
      matrix.set(i, j, value);
      matrix.set(j, i, value);
    }
  }
  return matrix;
}

/** @param work multiplications per row */
async function forRows(rows: number, work: number, body: (row: number) => void): Promise<void> {
  const rowsPerYield = Math.ceil(WORK_PER_YIELD / work);
  for (let start = 0; start < rows; start += rowsPerYield) {
    if (start > 0) await yieldToEventLoop();
    const end = Math.min(start + rowsPerYield, rows);
    for (let row = start; row < end; row++) body(row);
  }
}
