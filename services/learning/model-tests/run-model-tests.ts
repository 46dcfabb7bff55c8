import { takeLabels } from "../../data/held-out-parts.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import type { ModelTest, TestResult } from "../../pipeline/model-test.ts";
import { restricted } from "../../verdicts/paired/compare-slices.ts";
import { type Evidence, isShown, violationsOf } from "./evidence.ts";
import { rowExcesses } from "./row-excesses.ts";
import { sliceExcess } from "./slice-excess.ts";
import { predictRows, type TestRows, type TestSubject } from "./subject.ts";

/** What a test found about a model. */
export interface TestOutcome {
  readonly test: ModelTest;
  readonly result: Omit<TestResult, "examples">;
  /** The worst rows that violate it, at most `EXAMPLES`, the worst first; indices into the subject's rows. */
  readonly worstRows: readonly number[];
  /** For comparisons with another model on the same rows; none if the test was skipped. */
  readonly evidence: readonly Evidence[];
}

const EXAMPLES = 3;

/** The most rows that any of these tests asks for; 0 for no tests. */
export function rowsWanted(tests: readonly ModelTest[]): number {
  return Math.max(0, ...tests.map(({ rows }) => rows));
}

/**
 * Runs tests of a model, each on the first of the subject's rows.
 * @throws UncoupleError as the subject's `predict`; `invalid-argument` for rows without a column that a test names
 */
export async function runModelTests(
  tests: readonly ModelTest[],
  subject: TestSubject,
): Promise<readonly TestOutcome[]> {
  const rows = Math.min(subject.table.rows, rowsWanted(tests));
  const base = await predictRows(subject.table, firstRows(rows), subject.predict);
  const { width } = subject.component.output;
  const outcomes: TestOutcome[] = [];
  for (const test of tests) {
    const count = Math.min(rows, test.rows);
    const own = { ...subject, ...headOf(subject, count) };
    const outputs = base.subarray(0, count * width);
    outcomes.push(
      test.kind === "slice" ? await sliceOutcome(test, own, outputs) : await rowOutcome(test, own, outputs),
    );
  }
  return outcomes;
}

async function rowOutcome(
  test: Exclude<ModelTest, { kind: "slice" }>,
  subject: TestSubject,
  base: Float32Array,
): Promise<TestOutcome> {
  const found = await rowExcesses(test, subject, base);
  if (typeof found === "string") return skipped(test, found);
  const { rows, excesses, hasDistance } = found;
  const values = excesses.map((excess) => (excess > 0 ? 1 : 0) - test.allowed);
  const groupings = subject.groupings.map((grouping) => restricted(grouping, rows));
  const evidence: Evidence = { values, allowed: test.allowed, groupings };
  const violating = excesses.map((_, place) => place).filter((place) => (excesses[place] as number) > 0);
  const worst = [...violating].sort((a, b) => (excesses[b] as number) - (excesses[a] as number) || a - b);
  const highest = excesses[worst[0] ?? -1] ?? 0;
  return {
    test,
    result: {
      ...named(test),
      rows: rows.length,
      violations: violationsOf(values),
      worst: hasDistance && Number.isFinite(highest) ? highest : null,
      passed: !(await isShown(evidence)),
    },
    worstRows: worst.slice(0, EXAMPLES).map((place) => rows[place] as number),
    evidence: [evidence],
  };
}

async function sliceOutcome(
  test: Extract<ModelTest, { kind: "slice" }>,
  subject: TestSubject,
  base: Float32Array,
): Promise<TestOutcome> {
  const found = sliceExcess(test, subject, base);
  if (typeof found === "string") return skipped(test, found);
  const { rows, evidence, excess, losses } = found;
  const isMeasured = Number.isFinite(excess);
  const shown = await Promise.all(evidence.map(isShown));
  const passed = isMeasured && !shown.includes(true);
  const order = rows.map((_, place) => place).sort((a, b) => (losses[b] as number) - (losses[a] as number) || a - b);
  return {
    test,
    result: {
      ...named(test),
      rows: rows.length,
      violations: passed ? 0 : rows.length,
      worst: isMeasured ? excess : null,
      passed,
    },
    worstRows: passed ? [] : Array.from(order.slice(0, EXAMPLES), (place) => rows[place] as number),
    evidence,
  };
}

export function skipped(test: ModelTest, why: string): TestOutcome {
  const result = { ...named(test), rows: 0, violations: 0, worst: null, passed: true, skipped: why };
  return { test, result, worstRows: [], evidence: [] };
}

function named({ name, kind, onFailure }: ModelTest): Pick<TestResult, "name" | "kind" | "onFailure"> {
  return { name, kind, onFailure };
}

function firstRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** The first rows. */
export function headOf(rows: TestRows, count: number): TestRows {
  return takeTestRows(rows, firstRows(count));
}

/** Some rows, in the given order. */
export function takeTestRows({ table, targets, labels, groupings }: TestRows, rows: Int32Array): TestRows {
  return {
    table: takeRows(table, rows),
    targets: takeRows(targets, rows),
    labels: Object.fromEntries(Object.entries(labels).map(([name, column]) => [name, takeLabels(column, rows)])),
    groupings: groupings.map((grouping) => restricted(grouping, rows)),
  };
}
