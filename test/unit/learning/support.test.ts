import { describe, expect, it } from "vitest";
import { createRandom } from "../../../services/data/random.ts";
import { measureSupport, supportWarning } from "../../../services/learning/support.ts";

function gaussian(rows: number, width: number): Float32Array {
  const values = new Float32Array(rows * width);
  createRandom(1, "support").fillGaussian(values);
  return values;
}

describe("support of imputed inputs", () => {
  it("has full rank where every direction varies", () => {
    const report = measureSupport({ width: 3, values: gaussian(5000, 3) });
    expect(report.effectiveRank).toBeGreaterThan(2.95);
    expect(supportWarning(report)).toBeUndefined();
  });

  it("has rank 1 where all coordinates move together, and warns with the numbers", () => {
    const one = gaussian(1000, 1);
    const values = Float32Array.from({ length: 3000 }, (_, i) => (one[Math.floor(i / 3)] as number) * ((i % 3) - 1.5));
    const report = measureSupport({ width: 3, values });
    expect(report.effectiveRank).toBeLessThan(1.01);
    expect(supportWarning(report)).toMatch(/effective rank 1\.00 of 3.*causal-proximal/);
  });

  it("is defined for constant inputs", () => {
    expect(measureSupport({ width: 2, values: new Float32Array(20) })).toEqual({
      width: 2,
      effectiveRank: 1,
      weakest: 0,
    });
  });
});
