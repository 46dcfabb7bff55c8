import { describe, expect, test } from "vitest";
import type { SimulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import { changedAssumptions } from "../../../services/simulator/sensitivity/assumptions.ts";
import { sensitivityRow } from "../../../services/simulator/sensitivity/sensitivity.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

describe("changed assumptions", () => {
  const changesOf = (keys: Parameters<typeof smallScenario>[0]) => changedAssumptions(smallScenario(keys));

  test("change one thing at a time", () => {
    const scenario = smallScenario({ policies: ["async", "causal-audit:100"] });
    const changed = changedAssumptions(scenario);
    expect(changed.map(({ assumption, to }) => `${assumption}: ${to}`)).toEqual([
      "truth width: 2 and 2 units",
      "truth width: 8 and 8 units",
      "noise: 0.3",
      "cadence: twice as often",
      "cadence: half as often",
      "audit size: 25 rows",
      // There are no more training rows.
      "audit size: 300 rows",
    ]);
    for (const { scenario: other } of changed) {
      const keys = Object.keys(scenario) as (keyof typeof scenario)[];
      expect(keys.filter((key) => JSON.stringify(other[key]) !== JSON.stringify(scenario[key]))).toHaveLength(1);
    }
  });

  test("apply to what teams have of their own", () => {
    const [narrow, , , often] = changesOf({ teams: { a: { width: 10, every: 3 }, b: {} }, edges: "chain" });
    expect(narrow?.scenario.teams[0]).toMatchObject({ width: 5, every: 3 });
    expect(often?.scenario.teams[0]).toMatchObject({ width: 10, every: 1.5 });
    expect(often?.scenario.cadence.every).toBe(1);
  });

  test("of noise are none and twice as much, where there is some", () => {
    const noises = changesOf({ truth: { noise: 0.2 } }).filter(({ assumption }) => assumption === "noise");
    expect(noises.map(({ from, to }) => [from, to])).toEqual([
      ["0.2", "0"],
      ["0.2", "0.4"],
    ]);
  });

  test("never make one policy of two", () => {
    const sizes = changesOf({ policies: ["causal-audit:20", "causal-audit:40"] }).filter(
      ({ assumption }) => assumption === "audit size",
    );
    expect(sizes.map(({ to }) => to)).toEqual(["80, 160 rows"]);
  });
});

/** Results with two policies, whose mean losses differ by an amount give or take 1. */
function resultsOf(names: readonly [string, string], difference: number): SimulationResults {
  const scenario = smallScenario();
  const policy = (name: string, mean: number) => ({
    name,
    loss: { mean },
    intervals: { meanLoss: [mean - 1, mean + 1] },
  });
  const [a, b] = names;
  return {
    scenario,
    policies: [policy(a, 50 + difference), policy(b, 50)],
    comparisons: [{ a, b, measure: "meanLoss", difference, low: difference - 1, high: difference + 1 }],
  } as unknown as SimulationResults;
}

describe("a flip", () => {
  const [change] = changedAssumptions(smallScenario());
  const row = (before: number, after: number) =>
    sensitivityRow(
      resultsOf(["async", "causal-audit:100"], before),
      change as NonNullable<typeof change>,
      resultsOf(["async", "causal-audit:25"], after),
    );

  test("is two policies that change places, named as in the scenario", () => {
    expect(row(5, -3).flips).toEqual([
      { before: "causal-audit:100", after: "async", differences: [-5, 3], isCertain: true },
    ]);
    expect(row(-5, 3).flips).toEqual([
      { before: "async", after: "causal-audit:100", differences: [-5, 3], isCertain: true },
    ]);
    expect(row(5, 3).flips).toEqual([]);
    expect(row(5, 3).policies[1]).toEqual({ name: "causal-audit:100", meanLoss: 50, low: 49, high: 51 });
  });

  test("is certain only if both intervals exclude 0", () => {
    expect(row(0.5, -3).flips[0]?.isCertain).toBe(false);
    expect(row(5, -0.5).flips[0]?.isCertain).toBe(false);
  });
});
