import { describe, expect, test } from "vitest";
import { haltonAt } from "../../../../services/learning/tuning/halton.ts";
import { sampleParameters } from "../../../../services/learning/tuning/sample-parameters.ts";
import type { SearchParameter, SearchSpec } from "../../../../services/pipeline/search.ts";

const number = (key: string, low: number, high: number, more: { log?: boolean; integer?: boolean } = {}) =>
  ({ key, range: { kind: "number", low, high, log: false, integer: false, ...more }, when: [] }) as const;

function search(parameters: readonly SearchParameter[], change: Partial<SearchSpec> = {}): SearchSpec {
  return { parameters, sampler: "quasi-random", pruning: { name: "none" }, validation: 0.2, seed: 1, ...change };
}

const valuesOf = (spec: SearchSpec, key: string, trials: number) =>
  Array.from({ length: trials }, (_, i) => sampleParameters(spec, i + 1)[key] as number);

/** The L2-star discrepancy by Warnock's formula: how unevenly points fill the unit cube. */
function discrepancy(points: readonly (readonly number[])[]): number {
  const dimensions = points[0]?.length ?? 0;
  const n = points.length;
  let single = 0;
  let pairs = 0;
  for (const x of points) {
    single += x.reduce((product, u) => product * ((1 - u * u) / 2), 1);
    for (const y of points) pairs += x.reduce((product, u, d) => product * (1 - Math.max(u, y[d] as number)), 1);
  }
  return Math.sqrt(3 ** -dimensions - (2 / n) * single + pairs / (n * n));
}

describe("the randomized Halton sequence", () => {
  test("puts one of any b consecutive points into each interval of length 1 / b, in base b", () => {
    for (const [dimension, base] of [2, 3, 5, 7, 11].entries()) {
      for (const first of [0, base, 4 * base]) {
        const cells = Array.from({ length: base }, (_, i) => Math.floor(base * haltonAt(7, first + i, dimension)));
        expect(cells.sort((a, b) => a - b)).toEqual(Array.from({ length: base }, (_, i) => i));
      }
    }
  });

  test("fills the cube more evenly than random points do, whatever the seed", () => {
    const halton = (seed: number) =>
      Array.from({ length: 64 }, (_, i) => [0, 1, 2, 3].map((dimension) => haltonAt(seed, i, dimension)));
    const spec = (seed: number) =>
      search(
        [0, 1, 2, 3].map((i) => number(`model.x${i}`, 0, 1)),
        { sampler: "random", seed },
      );
    const random = (seed: number) =>
      Array.from({ length: 64 }, (_, i) => Object.values(sampleParameters(spec(seed), i + 1)) as number[]);
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const better = seeds.filter((seed) => discrepancy(halton(seed)) < discrepancy(random(seed)));
    expect(better.length).toBeGreaterThanOrEqual(19);
  });

  test("is uniform over seeds at every point, and different seeds differ", () => {
    const at = Array.from({ length: 400 }, (_, seed) => haltonAt(seed, 0, 3));
    expect(at.reduce((sum, u) => sum + u, 0) / at.length).toBeCloseTo(0.5, 1);
    expect(new Set(at).size).toBe(400);
  });
});

describe.each(["quasi-random", "random"] as const)("the sampler %s", (sampler) => {
  test("stays within bounds, of integers and of logarithms, too", () => {
    const spec = search(
      [
        number("optimizer.learning_rate", 0.0001, 0.1, { log: true }),
        number("steps", 500, 502, { integer: true }),
        number("batch", 1, 1000, { integer: true, log: true }),
        number("protocol.sigma", -1, 1),
      ],
      { sampler },
    );
    const rates = valuesOf(spec, "optimizer.learning_rate", 200);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.0001);
    expect(Math.max(...rates)).toBeLessThanOrEqual(0.1);
    // Each of three decades has its share.
    for (const from of [0.0001, 0.001, 0.01]) {
      const share = rates.filter((rate) => rate >= from && rate < 10 * from).length / 200;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.1);
    }
    expect(new Set(valuesOf(spec, "steps", 60))).toEqual(new Set([500, 501, 502]));
    const batches = valuesOf(spec, "batch", 200);
    expect(batches.every((batch) => Number.isInteger(batch) && batch >= 1 && batch <= 1000)).toBe(true);
    expect(batches.filter((batch) => batch <= 32).length).toBeGreaterThan(60);
    expect(valuesOf(spec, "protocol.sigma", 50).some((sigma) => sigma < 0)).toBe(true);
  });

  test("sets a parameter only where its conditions hold, and conditions of conditions", () => {
    const spec = search(
      [
        { key: "optimizer.name", range: { kind: "choice", choices: ["adam", "momentum", "sgd"] }, when: [] },
        {
          key: "optimizer.momentum",
          range: { kind: "choice", choices: [0.5, 0.9] },
          when: [{ key: "optimizer.name", values: ["momentum"] }],
        },
        { ...number("batch", 1, 9), when: [{ key: "optimizer.momentum", values: [0.9] }] },
        { ...number("steps", 1, 9), when: [{ key: "optimizer.name", values: ["adam", "sgd"] }] },
      ],
      { sampler },
    );
    const trials = Array.from({ length: 100 }, (_, i) => sampleParameters(spec, i + 1));
    for (const trial of trials) {
      expect("optimizer.momentum" in trial).toBe(trial["optimizer.name"] === "momentum");
      expect("batch" in trial).toBe(trial["optimizer.momentum"] === 0.9);
      expect("steps" in trial).toBe(trial["optimizer.name"] !== "momentum");
    }
    expect(new Set(trials.map((trial) => trial["optimizer.name"]))).toEqual(new Set(["adam", "momentum", "sgd"]));
  });

  test("gives a trial the same parameters whichever trials are asked for, and others for another seed", () => {
    const spec = search([number("batch", 0, 1), number("steps", 0, 1)], { sampler });
    const forward = Array.from({ length: 30 }, (_, i) => sampleParameters(spec, i + 1));
    const backward = Array.from({ length: 30 }, (_, i) => sampleParameters(spec, 30 - i)).reverse();
    expect(backward).toEqual(forward);
    expect(sampleParameters({ ...spec, seed: 2 }, 1)).not.toEqual(forward[0]);
  });
});
