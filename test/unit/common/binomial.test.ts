import { expect, test } from "vitest";
import { binomialTail } from "../../../services/common/binomial.ts";

test.for([
  // By exact rational arithmetic.
  [1, 1, 0.5, 0.5],
  [9, 10, 0.5, 11 / 1024],
  [10, 10, 0.5, 1 / 1024],
  [3, 3, 0.1, 0.001],
  [2, 3, 0.1, 0.028],
])("P(X >= %d of %d at %d) is %d", ([count, trials, probability, expected]) => {
  expect(binomialTail(count as number, trials as number, probability as number)).toBeCloseTo(expected as number, 12);
});

test("agrees with summing all terms below for many trials", () => {
  const [trials, probability] = [2000, 0.05];
  let term = (1 - probability) ** trials;
  let below = 0;
  for (let k = 0; k < 120; k++) {
    below += term;
    term *= ((trials - k) / (k + 1)) * (probability / (1 - probability));
  }
  expect(binomialTail(120, trials, probability)).toBeCloseTo(1 - below, 10);
});

test("is 1 up to the mean, and 0 for what cannot happen", () => {
  expect(binomialTail(50, 1000, 0.05)).toBe(1);
  expect(binomialTail(1, 1000, 0)).toBe(0);
  expect(binomialTail(0, 1000, 0)).toBe(1);
  expect(binomialTail(20_000, 20_000, 0.5)).toBe(0);
});
