import type { Matrix } from "./training-problem.ts";

/** How much of their space the imputed inputs cover; consistency of causal training needs all of it. */
export interface SupportReport {
  /** Number of imputed coordinates. */
  readonly width: number;
  /**
   * Effective rank of the correlation matrix, exp of the entropy of its normalised eigenvalues (Roy and Vetterli
   * 2007), in [1, width].
   */
  readonly effectiveRank: number;
  /** Share of variance along the weakest direction, relative to an even spread; in [0, 1]. */
  readonly weakest: number;
}

/** Below this share of an even spread the weakest direction of zhat counts as not covered. */
const WEAK_DIRECTION = 0.02;

/** @param imputed standardised imputed inputs */
export function measureSupport(imputed: Matrix): SupportReport {
  const eigenvalues = symmetricEigenvalues(correlation(imputed), imputed.width);
  const total = eigenvalues.reduce((sum, value) => sum + value, 0);
  if (total === 0) return { width: imputed.width, effectiveRank: 1, weakest: 0 };
  const shares = eigenvalues.map((value) => Math.max(0, value) / total);
  const entropy = shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
  return {
    width: imputed.width,
    effectiveRank: Math.exp(entropy),
    weakest: Math.min(...shares) * imputed.width,
  };
}

/** What people should know before they train causally on these inputs, or undefined where all is well. */
export function supportWarning(report: SupportReport): string | undefined {
  if (report.weakest >= WEAK_DIRECTION) return undefined;
  return (
    `the imputed inputs do not cover their space: effective rank ${report.effectiveRank.toFixed(2)} of ${report.width}, ` +
    `weakest direction ${(100 * report.weakest).toFixed(1)} % of an even spread; causal training is not determined ` +
    `there and consistency is at risk: use causal-proximal`
  );
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

/** Cyclic Jacobi rotations (Golub and Van Loan, section 8.5). @param matrix symmetric, [n * n], overwritten */
function symmetricEigenvalues(matrix: Float64Array, n: number): number[] {
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
      }
    }
  }
  return Array.from({ length: n }, (_, i) => at(i, i));
}
