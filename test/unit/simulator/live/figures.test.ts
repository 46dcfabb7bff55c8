import { expect, test } from "vitest";
import {
  byInterval,
  intervalOf,
  percentilesOf,
  type Sample,
  slopePerHour,
} from "../../../../services/simulator/live/live-figures.ts";

test("percentiles of 1 to 101, in any order", () => {
  const values = Array.from({ length: 101 }, (_, i) => ((i * 37) % 101) + 1);
  expect(percentilesOf(values)).toEqual({ count: 101, p50: 51, p90: 91, p99: 100, max: 101 });
});

test("percentiles of few values: between neighbors, and null of none", () => {
  const { p50, p90, max } = percentilesOf([3, 1]);
  expect([p50, max]).toEqual([2, 3]);
  expect(p90).toBeCloseTo(2.8, 12);
  expect(percentilesOf([])).toEqual({ count: 0, p50: null, p90: null, p99: null, max: null });
});

test("the slope is that of the later half: what a start takes is no leak", () => {
  const samples = (later: number): Sample[] =>
    Array.from({ length: 101 }, (_, i) => [36 * i, i < 50 ? 10 * i : 500 + later * (i - 50)]);
  expect(slopePerHour(samples(0))).toBeCloseTo(0, 9);
  expect(slopePerHour(samples(2))).toBeCloseTo(200, 9);
  expect(slopePerHour(samples(0).slice(0, 3))).toBeNull();
});

test("intervals are round, at most 60 of them, and every event counts once", () => {
  expect([30, 600, 7200].map(intervalOf)).toEqual([1, 10, 120]);
  const parts = byInterval([-1, 0, 9.9, 10, 24, 25], (at) => at, 10, 25);
  expect(parts).toEqual([[-1, 0, 9.9], [10], [24, 25]]);
});
