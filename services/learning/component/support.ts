import type { Matrix } from "../dataset/encoded-dataset.ts";

/** How much of their space the imputed inputs cover; consistency of causal training needs all of it. */
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
   * Share of the audited rows whose annotated z lies, along every principal direction of zhat, between the least and the
   * greatest zhat: how often a perfect upstream would give an input that training never came near. In [0, 1].
   */
  readonly covered?: number;
}

/** Below this share of an even spread the weakest direction of zhat counts as not covered. */
const WEAK_DIRECTION = 0.02;
/** Below this share of audited rows within the range of zhat the true values count as out of reach. */
const LEAST_COVERED = 0.8;

/**
 * @param imputed standardized imputed inputs
 * @param annotated the true values in the same space, where some rows are audited
 */
export function measureSupport(imputed: Matrix, annotated?: Matrix): SupportReport {
  const { values, vectors } = symmetricEigen(correlation(imputed), imputed.width);
  const total = values.reduce((sum, value) => sum + value, 0);
  const covered = annotated === undefined ? {} : { covered: coveredShare(imputed, annotated, vectors) };
  if (total === 0) return { width: imputed.width, effectiveRank: 1, weakest: 0, ...covered };
  const shares = values.map((value) => Math.max(0, value) / total);
  const entropy = shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
  return {
    width: imputed.width,
    effectiveRank: Math.exp(entropy),
    weakest: Math.min(...shares) * imputed.width,
    ...covered,
  };
}

/** What people should know before they train causally on these inputs, or undefined where all is well. */
export function supportWarning(report: SupportReport): string | undefined {
  const { effectiveRank, width, weakest, covered } = report;
  const gaps: string[] = [];
  if (weakest < WEAK_DIRECTION) {
    gaps.push(
      `effective rank ${effectiveRank.toFixed(2)} of ${width}, ` +
        `weakest direction ${(100 * weakest).toFixed(1)} % of an even spread`,
    );
  }
  if (covered !== undefined && covered < LEAST_COVERED) {
    gaps.push(`${(100 * covered).toFixed(0)} % of the audited true values lie within their range`);
  }
  if (gaps.length === 0) return undefined;
  return (
    `the imputed inputs do not cover their space: ${gaps.join("; ")}; causal training is not determined ` +
    `there and consistency is at risk: use causal-proximal`
  );
}

function coveredShare(imputed: Matrix, annotated: Matrix, directions: readonly (readonly number[])[]): number {
  const { width } = imputed;
  const ranges = directions.map((direction) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let start = 0; start < imputed.values.length; start += width) {
      const at = along(direction, imputed.values, start);
      low = Math.min(low, at);
      high = Math.max(high, at);
    }
    return { direction, low, high };
  });
  let inside = 0;
  for (let start = 0; start < annotated.values.length; start += width) {
    const within = ranges.every(({ direction, low, high }) => {
      const at = along(direction, annotated.values, start);
      return at >= low && at <= high;
    });
    if (within) inside++;
  }
  return (inside * width) / annotated.values.length;
}

function along(direction: readonly number[], values: Float32Array, start: number): number {
  return direction.reduce((sum, weight, k) => sum + weight * (values[start + k] as number), 0);
}

function correlation({ width, values }: Matrix): Float64Array {
  const rows = values.length / width;
  const sums = new Float64Array(width * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const a = values[row * width + i] as number;
      for (let j = 0; j <= i; j++)
        sums[i * width + j] = (sums[i * width + j] as number) + a * (values[row * width + j] as number);
    }
  }
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      const value = (sums[i * width + j] as number) / rows;
      sums[i * width + j] = value;
      sums[j * width + i] = value;
    }
  }
  return sums;
}

/**
 * Cyclic Jacobi rotations (Golub and Van Loan, section 8.5).
 *
 * @param matrix symmetric, [n * n], overwritten
 * @returns n eigenvalues with their unit eigenvectors
 */
function symmetricEigen(matrix: Float64Array, n: number): { values: number[]; vectors: number[][] } {
  const vectors = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, k) => (i === k ? 1 : 0)));
  const at = (i: number, j: number) => matrix[i * n + j] as number;
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += at(p, q) ** 2;
    if (off < 1e-20) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(at(p, q)) < 1e-300) continue;
        const theta = (at(q, q) - at(p, p)) / (2 * at(p, q));
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const kp = at(k, p);
          const kq = at(k, q);
          matrix[k * n + p] = c * kp - s * kq;
          matrix[k * n + q] = s * kp + c * kq;
        }
        for (let k = 0; k < n; k++) {
          const pk = at(p, k);
          const qk = at(q, k);
          matrix[p * n + k] = c * pk - s * qk;
          matrix[q * n + k] = s * pk + c * qk;
        }
        const [vp, vq] = [vectors[p] as number[], vectors[q] as number[]];
        for (let k = 0; k < n; k++) {
          const [a, b] = [vp[k] as number, vq[k] as number];
          vp[k] = c * a - s * b;
          vq[k] = s * a + c * b;
        }
      }
    }
  }
  return { values: Array.from({ length: n }, (_, i) => at(i, i)), vectors };
}
