import { describe, expect, it } from "vitest";
import { learningRateAt } from "../../../../services/learning/training/schedule.ts";

describe("learning-rate schedule", () => {
  it("rises linearly to the peak and falls to 0 along half a cosine", () => {
    const cosine = { warmup: 100, decay: "cosine" } as const;
    expect(learningRateAt(0, 1100, 0.01, cosine)).toBeCloseTo(0.0001, 12);
    expect(learningRateAt(99, 1100, 0.01, cosine)).toBeCloseTo(0.01, 12);
    expect(learningRateAt(100, 1100, 0.01, cosine)).toBeCloseTo(0.01, 12);
    expect(learningRateAt(600, 1100, 0.01, cosine)).toBeCloseTo(0.005, 12);
    expect(learningRateAt(1099, 1100, 0.01, cosine)).toBeLessThan(1e-7);
  });

  it("stays at the peak after the warm-up when it does not decay", () => {
    const constant = { warmup: 2, decay: "constant" } as const;
    expect([0, 1, 2, 50].map((step) => learningRateAt(step, 100, 1, constant))).toEqual([0.5, 1, 1, 1]);
  });

  it("needs no warm-up", () => {
    expect(learningRateAt(0, 10, 0.3, { warmup: 0, decay: "constant" })).toBe(0.3);
  });
});
