import { describe, expect, it } from "vitest";
import { sampleVariance } from "../../../../services/common/statistics.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import { decompose, type LearningCurves } from "../../../../services/learning/diagnosis/decompose.ts";

const ROWS = 2000;
const SIZES = [250, 500, 1000];

/** Row losses with mean limit + excess * (1000 / n)^rate and with noise over rows and over seeds. */
function curve(limit: number, excess: number, rate: number, stream: string, seedNoise = 0): Float64Array[][] {
  return [0, 1, 2].map((seed) =>
    SIZES.map((size) => {
      const random = createRandom(seed, `${stream}/${size}`);
      const shift = seedNoise * random.gaussian();
      // The same rows are hard for every model.
      const rows = createRandom(9, "rows");
      return Float64Array.from(
        { length: ROWS },
        () => (limit + excess * (1000 / size) ** rate) * (1 + 0.5 * rows.gaussian()) + shift + 0.01 * random.gaussian(),
      );
    }),
  );
}

interface Truth {
  readonly upstream: number;
  readonly approximation: number;
  readonly estimation: number;
  readonly rate?: number;
  readonly seedNoise?: number;
}

function curves(
  { upstream, approximation, estimation, rate = 1, seedNoise = 0 }: Truth,
  stream: string,
): LearningCurves {
  return {
    retrained: curve(upstream + approximation, estimation, rate, `${stream}/team`, seedNoise),
    flexible: curve(upstream, 0.02, 1, `${stream}/probe`, seedNoise),
  };
}

const base = { upstream: 0.3, approximation: 0.1, estimation: 0.05 };
const diagnose = (before: Truth, after: Truth) =>
  decompose({ before: curves(before, "before"), after: curves(after, "after"), minimumEffect: 0 });

describe("the decomposition of a change in pipeline loss", () => {
  it.each(["upstream", "approximation", "estimation"] as const)("names %s error if that part rose", (part) => {
    const result = diagnose(base, { ...base, [part]: base[part] + 0.2 });
    expect(result.cause).toBe(part);
    for (const other of ["upstream", "approximation", "estimation"] as const) {
      const { value, interval } = result.parts[other];
      expect(value).toBeCloseTo(other === part ? 0.2 : 0, 1);
      expect(interval[0]).toBeLessThan(value);
      expect(interval[1]).toBeGreaterThan(value);
    }
    expect(result.change.value).toBeCloseTo(0.2, 1);
  });

  it("has parts that add up to the change, and a change equal to the difference of the losses", () => {
    const { parts, change, losses } = diagnose(base, { upstream: 0.1, approximation: 0.3, estimation: 0.2 });
    const sum = parts.upstream.value + parts.approximation.value + parts.estimation.value;
    expect(sum).toBeCloseTo(change.value, 10);
    expect(losses.after - losses.before).toBeCloseTo(change.value, 10);
  });

  it.each([
    [3, 4.30265],
    [20, 2.09302],
  ])("has intervals of Student's t if only the training varies: %d seeds", (seeds, t) => {
    // Constant over rows; the loss after the update alternates over seeds: 0, 1, 0, 1, ...
    const same = (of: (seed: number) => number): LearningCurves => {
      const sizes = Array.from({ length: seeds }, (_, seed) => SIZES.map(() => new Float64Array(4).fill(of(seed))));
      return { retrained: sizes, flexible: sizes };
    };
    const { change } = decompose({ before: same(() => 0), after: same((seed) => seed % 2), minimumEffect: 0 });
    const share = Math.floor(seeds / 2) / seeds;
    const deviation = Math.sqrt((seeds * share * (1 - share)) / (seeds - 1));
    const ratio = (change.interval[1] - change.interval[0]) / 2 / (deviation / Math.sqrt(seeds));
    expect(Math.abs(ratio / t - 1)).toBeLessThan(0.1);
  });

  it("has the interval of the mean if only the rows vary, and one of groups where rows belong together", () => {
    const random = createRandom(1, "groups");
    const ofGroup = Float64Array.from({ length: 200 }, () => random.gaussian());
    const codes = Int32Array.from({ length: 2000 }, (_, row) => row % 200);
    const steady = (rows: Float64Array): LearningCurves => {
      const sizes = [0, 1, 2].map(() => SIZES.map(() => rows));
      return { retrained: sizes, flexible: sizes };
    };
    const before = steady(new Float64Array(2000));
    const after = steady(Float64Array.from(codes, (group) => ofGroup[group] as number));
    const widthOf = (groups?: { codes: Int32Array; count: number }) => {
      const { interval } = decompose({
        before,
        after,
        minimumEffect: 0,
        ...(groups !== undefined && { groups }),
      }).change;
      return interval[1] - interval[0];
    };
    const deviation = Math.sqrt(sampleVariance([...ofGroup]));
    expect(widthOf() / ((2 * 1.96 * deviation) / Math.sqrt(2000))).toBeCloseTo(1, 1);
    expect(widthOf({ codes, count: 200 }) / ((2 * 1.96 * deviation) / Math.sqrt(200))).toBeCloseTo(1, 1);
  });

  it("also names the cause of an improvement", () => {
    expect(diagnose(base, { ...base, upstream: 0.1, estimation: 0.06 }).cause).toBe("upstream");
  });

  it("extrapolates rates other than 1 / n", () => {
    const slow = { ...base, estimation: 0.2, rate: 0.6 };
    const { parts } = diagnose({ ...base, estimation: 0 }, slow);
    expect(parts.estimation.value).toBeGreaterThan(0.17);
    expect(parts.estimation.value).toBeLessThan(0.23);
  });

  it("names no cause if no part is significant", () => {
    expect(diagnose(base, base).cause).toBeNull();
    const unsteady = { ...base, seedNoise: 0.2 };
    expect(diagnose(unsteady, { ...unsteady, approximation: 0.12 }).cause).toBeNull();
  });

  it("attributes no approximation error to a model class that beats the probe", () => {
    const better = (stream: string): LearningCurves => ({
      retrained: curve(0.1, 0.01, 1, `${stream}/team`),
      flexible: curve(0.2, 0.01, 1, `${stream}/probe`),
    });
    const { parts } = decompose({ before: better("before"), after: better("after"), minimumEffect: 0 });
    expect(parts.approximation).toEqual({ value: 0, interval: [0, 0] });
  });
});
