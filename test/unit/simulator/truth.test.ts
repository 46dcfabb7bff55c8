import { expect, test } from "vitest";
import { mean, sampleVariance } from "../../../services/common/statistics.ts";
import { evaluateOracle } from "../../../services/data/source/oracle.ts";
import type { NumericColumn, Table } from "../../../services/data/table/table.ts";
import { drawTruth } from "../../../services/simulator/truth/truth.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

function truthOf(keys: Parameters<typeof smallScenario>[0] = {}, seed = 1) {
  const scenario = smallScenario(keys);
  return drawTruth(scenario, seed);
}

const valuesOf = (table: Table, name: string) => (table.columns[name] as NumericColumn).values;

/** What the true function of a component gives on a table. */
function trueOutput(truth: ReturnType<typeof truthOf>, table: Table, component: string, epoch = 0) {
  const oracle = truth.rowsOf(epoch).oracle(component);
  return evaluateOracle(
    oracle,
    oracle.inputs.map(({ name }) => valuesOf(table, name)),
    table.rows,
  );
}

test("every target is the true function of the columns and of the upstream's true outputs", () => {
  const truth = truthOf();
  const { training, heldOut, irreducible } = truth.rowsOf(0);
  for (const table of [training, heldOut]) {
    for (const name of ["m1", "m2", "m3", "m4"])
      expect(trueOutput(truth, table, name)).toEqual(valuesOf(table, `z_${name}`));
  }
  expect(irreducible).toBe(0);
  expect(heldOut.rows).toBe(200);
  expect(valuesOf(heldOut, "x_m1").slice(0, 9)).not.toEqual(valuesOf(training, "x_m1").slice(0, 9));
});

test("the truth of a team that is yet to be split is that of its parts, one after the other", () => {
  const keys = { teams: 3, edges: "chain" };
  const scripted = [
    { tick: 2, team: "m2", kind: "split", into: ["a", "b"] },
    { tick: 3, team: "b", kind: "split", into: ["c", "d"] },
    { tick: 4, team: "m1", kind: "split", into: ["e", "f"] },
  ];
  const truth = truthOf({ ...keys, events: { scripted } });
  const { heldOut } = truth.rowsOf(0);
  for (const [whole, last] of [
    ["m2", "d"],
    ["b", "d"],
    ["m1", "f"],
  ] as const) {
    const values = valuesOf(heldOut, `z_${last}`);
    for (const [row, value] of trueOutput(truth, heldOut, whole).entries())
      expect(value).toBeCloseTo(values[row] as number, 4);
  }
  // Each part is the network that a team of its name would have.
  expect(trueOutput(truth, heldOut, "d")).toEqual(valuesOf(heldOut, "z_d"));
});

test("outputs have mean 0 and variance 1", () => {
  const { training } = truthOf({ training: { rows: 5000 } }).rowsOf(0);
  const values = [...valuesOf(training, "z_m4")];
  expect(mean(values)).toBeCloseTo(0, 0);
  expect(sampleVariance(values)).toBeGreaterThan(0.8);
  expect(sampleVariance(values)).toBeLessThan(1.25);
});

test("noise is in targets only, and is what no model can predict", () => {
  const keys = { truth: { noise: 0.5 }, training: { held_out: 5000 } };
  const noisy = truthOf(keys).rowsOf(0);
  expect(noisy.irreducible).toBeCloseTo(0.25, 1);
  const exact = truthOf({ ...keys, truth: { noise: 0 } }).rowsOf(0);
  expect(valuesOf(noisy.heldOut, "x_m4")).toEqual(valuesOf(exact.heldOut, "x_m4"));
  const noise = valuesOf(noisy.heldOut, "z_m4").map(
    (value, i) => value - (valuesOf(exact.heldOut, "z_m4")[i] as number),
  );
  expect(mean(noise.map((one) => one * one))).toBeCloseTo(noisy.irreducible, 4);
  expect(valuesOf(noisy.exact, "z_m4")).toEqual(valuesOf(exact.heldOut, "z_m4"));
});

test("rows grow by the tick, and those that were there stay", () => {
  const truth = truthOf({ training: { rows: 300, growth: 50 } });
  expect(truth.epochAt(2.9)).toBe(2);
  const [before, after] = [truth.rowsOf(0).training, truth.rowsOf(2).training];
  expect(after.rows).toBe(400);
  expect(valuesOf(after, "z_m4").slice(0, 300)).toEqual(valuesOf(before, "z_m4"));
});

test("inputs drift by their shift, and functions away from where they were", () => {
  const shifted = truthOf({ drift: { inputs: 0.5 } });
  const [before, after] = [shifted.rowsOf(0).heldOut, shifted.rowsOf(4).heldOut];
  valuesOf(after, "x_m2").forEach((value, i) => {
    expect(value).toBeCloseTo((valuesOf(before, "x_m2")[i] as number) + 2, 5);
  });
  const turned = truthOf({ drift: { truth: 0.1 } });
  const { heldOut } = turned.rowsOf(0);
  const distance = (epoch: number) => {
    const moved = trueOutput(turned, heldOut, "m1", epoch);
    return mean(trueOutput(turned, heldOut, "m1", 0).map((value, i) => (value - (moved[i] as number)) ** 2));
  };
  expect(distance(1)).toBeGreaterThan(0);
  expect(distance(4)).toBeGreaterThan(4 * distance(1));
  expect(truthOf().epochAt(5)).toBe(0);
});
