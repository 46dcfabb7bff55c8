import { quantile } from "../../common/statistics.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { MONOTONE_POINTS, type ModelTest, type MonotoneTest, type SliceTest } from "../../pipeline/model-test.ts";
import { changeRows, numericOf } from "./change-rows.ts";
import { type Predict, predictRows, predictVariants, type TestSubject } from "./subject.ts";

export type RowTest = Exclude<ModelTest, SliceTest>;

/** How far each tested row goes beyond what a test allows. */
export interface RowExcesses {
  /** Indices into the subject's rows. */
  readonly rows: Int32Array;
  /** [rows], in units of the output; a row violates the test above 0. Infinite for a prediction that is not finite. */
  readonly excesses: Float64Array;
  /** Whether `excesses` measure a distance; else they only tell violations from other rows. */
  readonly hasDistance: boolean;
}

/** Of the largest output: what float32 rounding may explain. */
const ROUNDING = 1e-5;

/**
 * Measures a test on the first rows of a subject.
 * @param base the outputs of these rows, [rows * width]
 * @returns a string if it cannot be run, which says why
 */
export async function rowExcesses(
  test: RowTest,
  subject: TestSubject,
  base: Float32Array,
): Promise<RowExcesses | string> {
  const { component, table, predict } = subject;
  const { width } = component.output;
  const places = coordinatesOf(test, subject);
  const all = Int32Array.from({ length: table.rows }, (_, row) => row);
  const limit = "tolerance" in test && test.tolerance !== undefined ? test.tolerance : ROUNDING * largest(base);
  const baseAt = (row: number, place: number) => base[row * width + place] as number;
  /** The worst coordinate, or the only one. */
  const worstOf = (measure: (place: number) => number) => infinite(Math.max(...places.map(measure)));

  switch (test.kind) {
    case "monotone":
      return monotoneExcesses(test, subject, places[0] as number, limit);
    case "bounded": {
      const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = test;
      const beyond = (value: number) => Math.max(low - value, value - high) - limit;
      const excesses = Float64Array.from(all, (row) => worstOf((place) => beyond(baseAt(row, place))));
      return { rows: all, excesses, hasDistance: true };
    }
    case "invariant":
    case "directional": {
      const { table: after, changed } = changeRows(table, test.change);
      if (changed.length === 0) return "the change alters none of the rows";
      const sign = test.kind === "directional" && test.direction === "decreasing" ? -1 : 1;
      const excesses = new Float64Array(changed.length);
      await predictVariants(
        changed,
        1,
        (chosen) => takeRows(after, chosen),
        predict,
        (place, outputs, offset) => {
          excesses[place] = worstOf((at) => {
            const step = (outputs[offset + at] as number) - baseAt(changed[place] as number, at);
            return (test.kind === "invariant" ? Math.abs(step) : -sign * step) - limit;
          });
        },
      );
      return { rows: changed, excesses, hasDistance: true };
    }
    case "agreement": {
      const { previous } = subject;
      if (previous === undefined) return "there is no previous snapshot";
      const before = await predictRows(table, all, previous);
      const { within } = test;
      const excesses = Float64Array.from(all, (row) =>
        within === undefined
          ? disagreement(base, before, row, width)
          : worstOf((at) => Math.abs(baseAt(row, at) - (before[row * width + at] as number)) - within),
      );
      return { rows: all, excesses, hasDistance: within !== undefined };
    }
  }
}

/**
 * Varies the column of each row over its quantiles, everything else fixed. The excess is the largest step in the wrong
 * direction from one of them to a later one, so that slow reversals count like sudden ones.
 */
async function monotoneExcesses(
  test: MonotoneTest,
  { component, table, predict }: { readonly predict: Predict } & Pick<TestSubject, "component" | "table">,
  place: number,
  limit: number,
): Promise<RowExcesses | string> {
  const column = numericOf(table, test.column);
  const grid = gridOf(column);
  if (grid.length < 2) return `${test.column} has the same value in all rows`;
  const { width } = component.output;
  const sign = test.direction === "increasing" ? 1 : -1;
  const rows = Int32Array.from({ length: table.rows }, (_, row) => row);
  const excesses = new Float64Array(rows.length);
  const vary = (chosen: Int32Array): Table => {
    const repeated = new Int32Array(chosen.length * grid.length).map(
      (_, at) => chosen[Math.floor(at / grid.length)] as number,
    );
    const varied = takeRows(table, repeated);
    const values = new Float32Array(repeated.length).map((_, at) => grid[at % grid.length] as number);
    return { rows: varied.rows, columns: { ...varied.columns, [test.column]: { kind: "numeric", width: 1, values } } };
  };
  await predictVariants(rows, grid.length, vary, predict, (row, outputs, offset) => {
    let highest = Number.NEGATIVE_INFINITY;
    let drop = 0;
    for (let at = 0; at < grid.length; at++) {
      const value = sign * (outputs[offset + at * width + place] as number);
      highest = Math.max(highest, value);
      drop = Math.max(drop, highest - value);
    }
    excesses[row] = infinite(drop - limit);
  });
  return { rows, excesses, hasDistance: true };
}

function gridOf(column: NumericColumn): readonly number[] {
  const sorted = Float64Array.from(column.values).sort();
  const points = Array.from({ length: MONOTONE_POINTS }, (_, at) =>
    Math.fround(quantile(sorted, at / (MONOTONE_POINTS - 1))),
  );
  return [...new Set(points)];
}

function coordinatesOf({ output }: RowTest, { component }: TestSubject): readonly number[] {
  const { width, classes = [] } = component.output;
  if (output === undefined) return Array.from({ length: width }, (_, at) => at);
  return [typeof output === "number" ? output : classes.indexOf(output)];
}

/** 1 if two models have different most probable classes, the first of equals, else -1. */
function disagreement(a: Float32Array, b: Float32Array, row: number, width: number): number {
  return mostProbable(a, row, width) === mostProbable(b, row, width) ? -1 : 1;
}

function mostProbable(values: Float32Array, row: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) {
    if ((values[row * width + i] as number) > (values[row * width + best] as number)) best = i;
  }
  return best;
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
}

function infinite(excess: number): number {
  return Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
}
