import { describe, expect, test } from "vitest";
import { createRandom } from "../../../services/data/random/random.ts";
import type { Verdict } from "../../../services/pipeline/verdict.ts";
import { measureAlignment, tauOf } from "../../../services/verdicts/alignment.ts";
import { verdict } from "../../helpers/drafts.ts";

const at = { current: { m1: 1 }, candidate: { m1: 2 }, kind: "inconclusive", interval: [-1, 1] } as const;

/** An update whose own loss changes from 2 by `own` and the pipeline loss from 10 by `pipeline`. */
function update(serial: number, own: number, pipeline: number): Verdict {
  return verdict("m1", serial, {
    componentLoss: { current: 2, candidate: 2 + own },
    comparison: { ...at, currentLoss: 10, candidateLoss: 10 + pipeline, difference: pipeline },
  });
}

describe("Kendall's tau-b", () => {
  test("is SciPy's, also with ties", () => {
    // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]).statistic == -0.47140452079103173
    const own = [12, 2, 1, 12, 2];
    const pipeline = [1, 4, 7, 1, 0];
    const points = own.map((value, i) => ({ own: value, pipeline: pipeline[i] as number }));
    expect(tauOf(points, 1)?.tau).toBeCloseTo(-0.47140452079103173, 12);
  });

  test("is unknown if one of the changes is always the same", () => {
    expect(
      tauOf(
        Array.from({ length: 12 }, (_, i) => ({ own: 1, pipeline: i })),
        1,
      ),
    ).toBeUndefined();
  });

  test.each([0, 0.6, -0.3])("has intervals that hold the true value, for normal changes with correlation %f", (rho) => {
    const truth = (2 / Math.PI) * Math.asin(rho);
    const trials = 200;
    let held = 0;
    for (let trial = 0; trial < trials; trial++) {
      const random = createRandom(trial, `alignment/${rho}`);
      const points = Array.from({ length: 15 }, () => {
        const own = random.gaussian();
        return { own, pipeline: rho * own + Math.sqrt(1 - rho * rho) * random.gaussian() };
      });
      const { interval } = tauOf(points, trial) as NonNullable<ReturnType<typeof tauOf>>;
      if (interval[0] <= truth && truth <= interval[1]) held += 1;
    }
    // 95 % less three Monte Carlo errors.
    expect(held / trials).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / trials));
  });
});

describe("the alignment of a component", () => {
  test("takes relative changes of its own updates that have both losses", () => {
    const others = [
      verdict("m2", 1),
      verdict("m1", 1),
      verdict("m1", 9, { componentLoss: { current: 0, candidate: 1 }, comparison: update(1, 0, 1).comparison }),
    ];
    const { points, tau, interval } = measureAlignment("m1", [...others, update(2, -1, 0.5)]);
    expect(points).toEqual([{ serial: 2, own: -0.5, pipeline: 0.05 }]);
    expect({ tau, interval }).toEqual({ tau: null, interval: null });
  });

  test("counts improvements that harmed, and is the same each time", () => {
    const updates = Array.from({ length: 12 }, (_, i) => update(i + 2, i - 6, i === 0 ? 4 : (i - 6) / 2));
    const measured = measureAlignment("m1", updates);
    expect(measured).toMatchObject({ improved: 6, harmful: 1 });
    expect(measured.tau).toBeCloseTo(1 - (2 * 11 - 2) / 66, 1);
    expect(measureAlignment("m1", updates)).toEqual(measured);
  });

  test("of many updates takes the newest 500", () => {
    const updates = Array.from({ length: 501 }, (_, i) => update(i + 2, i, i % 7));
    const { points } = measureAlignment("m1", updates);
    expect(points).toHaveLength(500);
    expect(points[0]?.serial).toBe(3);
  });
});
