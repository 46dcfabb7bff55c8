import { mean } from "../../services/common/statistics.ts";
import { DEFAULT_GATE, type GatePolicy } from "../../services/pipeline/gate.ts";
import { type DecideDeps, decide, type GateOutcome, type Proposal } from "../../services/releases/gate/decide.ts";
import { twoComponents } from "./linear-pipelines.ts";
import { drawRows, rowKind } from "./loss-rows.ts";
import { type PlantedRows, plantedRows } from "./planted-rows.ts";

export const ROWS = 2000;
export const base = drawRows(rowKind("independent, normal"), ROWS, 1).differences.map((value) => 10 + value);
const noise = standardized(drawRows(rowKind("independent, normal"), ROWS, 2).differences);

/** With mean 0 and variance 1. */
function standardized(values: Float64Array): Float64Array {
  const center = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
  return values.map((value) => (value - center) / deviation);
}

/** Losses around 10 that are a fraction worse than those of the release, give or take noise of 0.2 a row. */
export const changed = (fraction: number) =>
  base.map((loss, row) => loss * (1 + fraction) + 0.2 * (noise[row] as number));

/** By `u.d`: the losses of the objective under these serials, as fractions worse than those of u@1 with d@1. */
type World = Readonly<Record<string, number>>;

export function rowsOf(world: World, change: Partial<PlantedRows> = {}) {
  return plantedRows({
    rowLosses(_, { u, d }) {
      const fraction = world[`${u}.${d}`];
      if (fraction === undefined) throw new Error(`nothing planted for u@${u}, d@${d}`);
      return fraction === 0 ? base : changed(fraction);
    },
    ...change,
  });
}

export const enforce: GatePolicy = { ...DEFAULT_GATE, mode: "enforce" };
export const release = { number: 7, composition: { u: 1, d: 1 } };
export const update: Proposal = { moves: { u: 2 }, release, ownImproved: false };

export function decided(
  world: World,
  change: Partial<DecideDeps> = {},
  proposal: Partial<Proposal> = {},
  rows: Partial<PlantedRows> = {},
): Promise<GateOutcome> {
  return decide(
    { ...update, ...proposal },
    {
      pipeline: twoComponents,
      gate: enforce,
      screen: rowsOf({ "1.1": 0, ...world }, rows),
      confirm: rowsOf({ "1.1": 0, ...world }, { ...rows, part: "confirm" }),
      recent: [release],
      forbidden: [],
      signal: new AbortController().signal,
      ...change,
    },
  );
}
