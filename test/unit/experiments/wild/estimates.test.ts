import { describe, expect, it } from "vitest";
import { proportion } from "../../../../services/experiments/lab/statistics.ts";
import { clusteredRate, relativeChange } from "../../../../services/experiments/wild/estimates.ts";

const change = (...factors: number[]) => factors.map((factor) => ({ from: 2, to: 2 * factor }));

describe("the mean relative change of losses", () => {
  it("averages factors: half of the loss and twice the loss cancel", () => {
    expect(relativeChange([change(0.5), change(2), change(0.5), change(2)])?.value).toBeCloseTo(0, 12);
    expect(relativeChange([change(1.1), change(1.1)])?.value).toBeCloseTo(0.1, 12);
  });

  it("counts every seed once, however many changes it has, and none without any", () => {
    const estimate = relativeChange([change(4, 4, 4, 4, 4), change(1), []]);
    expect(estimate?.value).toBeCloseTo(1, 12);
    expect(relativeChange([[], []])).toBeNull();
  });

  it("has an interval that contains the estimate and narrows with more seeds that agree", () => {
    const seeds = [1.2, 1.3, 1.25, 1.35, 1.28, 1.31].map((factor) => change(factor));
    const few = relativeChange(seeds);
    const many = relativeChange([...seeds, ...seeds, ...seeds, ...seeds]);
    const width = (estimate: typeof few) => Number(estimate?.high) - Number(estimate?.low);
    expect(few?.low).toBeGreaterThan(0.15);
    expect(few?.low).toBeLessThan(few?.value as number);
    expect(few?.high).toBeGreaterThan(few?.value as number);
    expect(width(many)).toBeLessThan(0.6 * width(few));
  });

  it("is Student's interval of the logarithms, also beyond the table of quantiles", () => {
    // Mean log 0, standard deviation 1, 4 seeds: 3.182 / 2.
    const spread = Math.sqrt(3 / 4);
    const four = relativeChange([spread, -spread, spread, -spread].map((log) => change(Math.exp(log))));
    expect(Math.log(1 + Number(four?.high))).toBeCloseTo(1.591, 6);
    expect(Math.log(1 + Number(four?.low))).toBeCloseTo(-1.591, 6);
    // Student's 0.975 quantile for 99 degrees of freedom is 1.9842.
    const many = relativeChange(Array.from({ length: 100 }, (_, at) => change(Math.exp(at % 2 === 0 ? 1 : -1))));
    expect(Math.log(1 + Number(many?.high)) / Math.sqrt(1 / 99)).toBeCloseTo(1.9842, 3);
  });

  it("has no interval with a single seed", () => {
    expect(relativeChange([change(1.5)])).toMatchObject({ low: null, high: null });
  });
});

describe("the rate of harm", () => {
  it("is the Wilson interval if the trials of a seed are as independent as coin flips", () => {
    // As many seeds with 0, 1 and 2 of 2 as independent trials have.
    const seeds = [0, 0, 1, 1, 1, 1, 2, 2].map((count) => ({ count, trials: 2 }));
    const rate = clusteredRate(seeds);
    const [low, high] = proportion([...Array(8).fill(true), ...Array(8).fill(false)]).interval;
    expect(rate).toMatchObject({ value: 0.5, count: 8, trials: 16 });
    expect(Math.abs(Number(rate.low) - low)).toBeLessThan(0.03);
    expect(Math.abs(Number(rate.high) - high)).toBeLessThan(0.03);
  });

  it("counts trials that always agree within a seed as about one trial", () => {
    const seeds = Array.from({ length: 10 }, (_, seed) => ({ count: seed < 5 ? 20 : 0, trials: 20 }));
    const rate = clusteredRate(seeds);
    const alone = clusteredRate(seeds.map(({ count }) => ({ count: count / 20, trials: 1 })));
    expect(rate.low).toBeCloseTo(alone.low as number, 12);
    expect(Number(rate.high) - Number(rate.low)).toBeGreaterThan(0.5);
  });

  it("keeps an interval where nothing happened, by the number of seeds, and has none without trials", () => {
    const never = clusteredRate(Array.from({ length: 10 }, () => ({ count: 0, trials: 50 })));
    expect(never).toMatchObject({ value: 0, low: 0, trials: 500 });
    expect(never.high).toBeCloseTo(proportion(Array(10).fill(false)).interval[1], 5);
    expect(clusteredRate([{ count: 0, trials: 0 }])).toMatchObject({ low: null, high: null });
  });
});
