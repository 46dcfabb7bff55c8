import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { measureSupport, supportWarning } from "../../../../services/learning/component/support.ts";

function gaussian(rows: number, width: number): Float32Array {
  const values = new Float32Array(rows * width);
  createRandom(1, "support").fillGaussian(values);
  return values;
}

describe("support of imputed inputs", () => {
  it("has full rank if every direction varies", async () => {
    const report = await measureSupport({ width: 3, values: gaussian(5000, 3) });
    expect(report.effectiveRank).toBeGreaterThan(2.95);
    expect(supportWarning(report)).toBeUndefined();
  });

  it("has rank 1 if all coordinates move together, and the warning states the numbers", async () => {
    const one = gaussian(1000, 1);
    const values = Float32Array.from({ length: 3000 }, (_, i) => (one[Math.floor(i / 3)] as number) * ((i % 3) - 1.5));
    const report = await measureSupport({ width: 3, values });
    expect(report.effectiveRank).toBeLessThan(1.01);
    expect(supportWarning(report)).toMatch(/effective rank 1\.00 of 3.*causal-proximal/);
  });

  it("reports exp of the eigenvalues' entropy, and the smallest one relative to an even spread", async () => {
    // A second-moment matrix with eigenvalues 4 and 1, along (1, 1) and (1, -1).
    const values = Float32Array.of(2, 2, -2, -2, 1, -1, -1, 1);
    const { effectiveRank, weakest } = await measureSupport({ width: 2, values });
    expect(effectiveRank).toBeCloseTo(Math.exp(-(0.8 * Math.log(0.8) + 0.2 * Math.log(0.2))), 12);
    expect(weakest).toBeCloseTo(0.4, 12);
  });

  it("yields to other work while measuring wide inputs", async () => {
    let turns = 0;
    const beat = setInterval(() => {
      turns += 1;
    }, 0);
    await measureSupport({ width: 64, values: gaussian(20_000, 64) });
    clearInterval(beat);
    expect(turns).toBeGreaterThan(2);
  });

  it("is defined for constant inputs", async () => {
    expect(await measureSupport({ width: 2, values: new Float32Array(20) })).toEqual({
      width: 2,
      effectiveRank: 1,
      weakest: 0,
    });
  });
});

describe("range of imputed inputs", () => {
  const imputed = { width: 2, values: gaussian(2000, 2) };

  it("covers true values with the same spread", async () => {
    const report = await measureSupport(imputed, { width: 2, values: gaussian(300, 2) });
    expect(report.covered).toBeGreaterThan(0.98);
    expect(supportWarning(report)).toBeUndefined();
  });

  it("does not cover true values with a much larger spread, and the warning states the share", async () => {
    const wide = gaussian(300, 2).map((value) => 6 * value);
    const report = await measureSupport(imputed, { width: 2, values: wide });
    expect(report.covered).toBeLessThan(0.4);
    expect(supportWarning(report)).toMatch(/\d+ % of the audited true values lie within their range.*causal-proximal/);
  });

  it("is measured along the principal directions of the imputed inputs, not along their coordinates", async () => {
    // Both coordinates range over (-2, 2), but always together: (1, -1) is out of reach.
    const line = Float32Array.from({ length: 400 }, (_, i) => (Math.floor(i / 2) - 100) / 50);
    const off = { width: 2, values: Float32Array.of(1, -1, 0.5, 0.5, -1, 1, -1.2, -1.2) };
    expect((await measureSupport({ width: 2, values: line }, off)).covered).toBe(0.5);
  });
});
