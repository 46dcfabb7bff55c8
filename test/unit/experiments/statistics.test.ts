import { describe, expect, it } from "vitest";
import { createRandom } from "../../../services/data/random/random.ts";
import { harmOf, meanOfClusters } from "../../../services/experiments/lab/statistics.ts";

/** Four values of each of 60 seeds, of which `shared` is the seed's and the rest the value's own. */
function clustersOf(shared: number): number[][] {
  const random = createRandom(1, "clusters");
  return Array.from({ length: 60 }, () => {
    const seed = random.gaussian();
    return Array.from({ length: 4 }, () => shared * seed + (1 - shared) * random.gaussian());
  });
}

const width = ([low, high]: readonly [number, number]) => high - low;

describe("the interval of a mean over seeds", () => {
  it("is about as wide as that of one value per seed if the values of a seed agree", async () => {
    const together = await meanOfClusters(clustersOf(1));
    const first = await meanOfClusters(clustersOf(1).map(([value]) => [value as number]));
    expect(together.interval).not.toBeNull();
    expect(width(together.interval as [number, number])).toBeCloseTo(width(first.interval as [number, number]), 6);
  });

  it("halves with four independent values per seed", async () => {
    const four = await meanOfClusters(clustersOf(0));
    const first = await meanOfClusters(clustersOf(0).map(([value]) => [value as number]));
    const ratio = width(four.interval as [number, number]) / width(first.interval as [number, number]);
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(0.62);
  });

  it("is missing for one seed", async () => {
    expect(await meanOfClusters([[1, 2, 3]])).toEqual({ mean: 2, interval: null });
  });

  it("contains the mean of the population about as often as it says", async () => {
    const random = createRandom(2, "coverage");
    let covered = 0;
    const experiments = 100;
    for (let experiment = 0; experiment < experiments; experiment++) {
      const clusters = Array.from({ length: 50 }, () => {
        const harm = Math.max(0, random.gaussian());
        return Array.from({ length: 4 }, () => harm * random.uniform());
      });
      const [low, high] = (await meanOfClusters(clusters)).interval as [number, number];
      // E max(0, N) E U = 1 / (2 sqrt(2 pi)).
      const truth = 1 / Math.sqrt(8 * Math.PI);
      if (low <= truth && truth <= high) covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(88);
  });
});

describe("harm", () => {
  it("counts increases, and averages their size over all updates", async () => {
    const harm = await harmOf([
      [3, -10],
      [0, 1],
    ]);
    expect(harm).toMatchObject({ count: 2, trials: 4, worst: 3 });
    expect(harm.size.mean).toBe(1);
  });

  it("has the exact interval of as many trials as seeds if no update was worse", async () => {
    const { interval, size, worst } = await harmOf(Array.from({ length: 50 }, () => [-1, -2, -3, -4]));
    expect(interval[0]).toBe(0);
    expect(interval[1]).toBeCloseTo(1 - 0.025 ** (1 / 50), 9);
    expect(size).toEqual({ mean: 0, interval: null });
    expect(worst).toBe(0);
  });

  it("has a wide interval if one seed of 50 has all the harm, not that of 200 independent trials", async () => {
    const clusters = Array.from({ length: 50 }, (_, seed) => Array.from({ length: 4 }, () => (seed === 0 ? 1 : -1)));
    const { count, trials, interval, size } = await harmOf(clusters);
    expect(count / trials).toBe(0.02);
    expect(interval[0]).toBeLessThan(0.001);
    expect(interval[1]).toBeGreaterThan(0.1);
    expect(interval[1]).toBeLessThan(0.11);
    expect(size.interval).toBeNull();
  });

  it("is between the share of seeds with unanimous harm and that with any, if nearly all have harm", async () => {
    const clusters = Array.from({ length: 50 }, (_, seed) => (seed < 2 ? [1, -1] : [1, 1]));
    const { interval } = await harmOf(clusters);
    expect(interval[0]).toBeGreaterThan(0.86);
    expect(interval[0]).toBeLessThan(0.96);
    expect(interval[1]).toBe(1);
  });

  it("has bootstrap intervals once five seeds have harm", async () => {
    const clusters = Array.from({ length: 100 }, (_, seed) => (seed < 6 ? [1 + seed, -1] : [-1, -1]));
    const { interval, size } = await harmOf(clusters);
    expect(interval[0]).toBeGreaterThan(0.005);
    expect(interval[1]).toBeLessThan(0.1);
    expect(size.interval?.[0]).toBeGreaterThan(0.02);
    expect(size.interval?.[1]).toBeLessThan(1);
  });
});
