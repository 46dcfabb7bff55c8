import type { OpenSet } from "./open-set.ts";

/**
 * Tests of models: what a team demands of its component's output, and a pipeline of the composed outputs, beyond a loss. The
 * trainer runs a team's tests on training rows before it publishes; evaluators run these and the pipeline's on held-out rows.
 */

export const TEST_KINDS = ["monotone", "invariant", "directional", "bounded", "slice", "agreement"] as const;
export type TestKind = (typeof TEST_KINDS)[number];

/** What a failed test does. `refuse`: the run fails, the snapshot is quarantined, or a gate holds it. `warn`: it is shown. */
export type OnFailure = "warn" | "refuse";

export type Direction = "increasing" | "decreasing";

/** How the inputs of a row change. A column is in at most one of the four. */
export interface RowChange {
  /** Column to its new value. */
  readonly set?: Readonly<Record<string, number | string>>;
  /** Numeric column to the factor of its values. */
  readonly scale?: Readonly<Record<string, number>>;
  /** Two columns of the same kind that exchange their values. */
  readonly swap?: readonly [string, string];
  /** Categorical column to new values by old ones; other values stay. */
  readonly map?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** One value of a column, or a range of numbers, `low` inclusive and `high` exclusive. */
export type SliceCondition = string | number | { readonly low?: number; readonly high?: number };

interface TestBase {
  /** Unique among the tests of its file. */
  readonly name: string;
  readonly onFailure: OnFailure;
  /** The most rows that are tested: those with the smallest hashes. */
  readonly rows: number;
}

/** Tests that each row passes or violates. */
interface RowTestBase extends TestBase {
  /** Share of the rows that may violate it, in [0, 1). */
  readonly allowed: number;
  /** In units of the output. Absent: what rounding of float32 explains. */
  readonly tolerance?: number;
  /** A class, or a 0-based coordinate, of the output. Absent: the only one, or all. */
  readonly output?: string | number;
}

export interface MonotoneTest extends RowTestBase {
  readonly kind: "monotone";
  /** Numeric, of width 1. */
  readonly column: string;
  readonly direction: Direction;
}

export interface InvariantTest extends RowTestBase {
  readonly kind: "invariant";
  readonly change: RowChange;
}

export interface DirectionalTest extends RowTestBase {
  readonly kind: "directional";
  readonly change: RowChange;
  readonly direction: Direction;
}

/** At least one bound is set. */
export interface BoundedTest extends RowTestBase {
  readonly kind: "bounded";
  readonly low?: number;
  readonly high?: number;
}

/** The mean loss on the rows that meet all conditions; at least one limit is set. */
export interface SliceTest extends TestBase {
  readonly kind: "slice";
  readonly where: Readonly<Record<string, SliceCondition>>;
  /** In units of the component's loss. */
  readonly lossAtMost?: number;
  /** As a multiple of the mean loss on all rows, greater than 0. */
  readonly lossRelativeToAll?: number;
}

/** Agreement with the snapshot before: outputs within `within` of each other, or, without it, the same most probable class. */
export interface AgreementTest extends Omit<RowTestBase, "tolerance"> {
  readonly kind: "agreement";
  /** In units of the output. */
  readonly within?: number;
}

export type ModelTest = MonotoneTest | InvariantTest | DirectionalTest | BoundedTest | SliceTest | AgreementTest;

/** A test of the composed pipeline, on one component's output. */
export type PipelineTest = ModelTest & { readonly component: string };

/** What a test found. Open like a verdict. */
export interface TestResult {
  readonly name: string;
  readonly kind: OpenSet<TestKind>;
  readonly onFailure: OpenSet<OnFailure>;
  /** Rows that were tested. */
  readonly rows: number;
  /** Rows that violate it; of a failed slice, all of its rows. */
  readonly violations: number;
  /** How far the worst row goes beyond what is allowed, in units of the output; of a slice, its loss beyond the limit. */
  readonly worst: number | null;
  readonly passed: boolean;
  /** Why it could not be run; it counts as passed. */
  readonly skipped?: string;
  /** The worst rows, by hashed key or by number. */
  readonly examples?: readonly string[];
}

/** A team's test with its result on training rows, in a manifest. `spec` is what evaluators repeat on held-out rows. */
export interface TrainedTest extends TestResult {
  /** A `ModelTest`, as the version that trained had it. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A test on held-out rows, in a verdict. */
export interface JudgedTest extends TestResult {
  /** The component whose output was tested. */
  readonly component: string;
  /** `component`: of the team, from the manifest. `pipeline`: of the pipeline file, on the composed output. */
  readonly scope: OpenSet<"component" | "pipeline">;
  /** Of a failed test of the pipeline: whether what is in use fails it, too, and the update is not shown to be worse. */
  readonly failedBefore?: boolean;
}

/** The quantiles of a column at which a monotone test asks, evenly spaced from the minimum to the maximum. */
export const MONOTONE_POINTS = 21;

/** The most rows of a test, tests of a file, and predictions of all of them: what a publisher can have evaluators compute. */
export const MOST_TESTED_ROWS = 20_000;
export const MOST_TESTS = 50;
export const MOST_PREDICTIONS = 2_000_000;

/** How many predictions a test asks for. */
export function predictionsOf({ kind, rows }: Pick<ModelTest, "kind" | "rows">): number {
  if (kind === "monotone") return MONOTONE_POINTS * rows;
  return kind === "bounded" || kind === "slice" ? rows : 2 * rows;
}

export const DEFAULT_TEST = { onFailure: "warn", rows: 1000, sliceRows: 10_000, agreement: 0.95 } as const;

/** Whether a test with this result stands in the way of its snapshot. */
export function isRefused(result: TestResult & Pick<JudgedTest, "failedBefore">): boolean {
  return !result.passed && result.onFailure === "refuse" && result.failedBefore !== true;
}

/** The columns that a change touches. */
export function changedColumns({ set = {}, scale = {}, swap, map = {} }: RowChange): readonly string[] {
  return [...Object.keys(set), ...Object.keys(scale), ...(swap ?? []), ...Object.keys(map)];
}

/** A test in a few words, for those without a name: `decreasing in price`. */
export function describeTest(test: DescribedTest): string {
  switch (test.kind) {
    case "monotone":
      return `${test.direction} in ${test.column}`;
    case "invariant":
      return `invariant under ${changeText(test.change)}`;
    case "directional":
      return `${test.direction} under ${changeText(test.change)}`;
    case "bounded":
      return [
        test.low === undefined ? [] : [`at least ${test.low}`],
        test.high === undefined ? [] : [`at most ${test.high}`],
      ]
        .flat()
        .join(", ");
    case "slice":
      return `slice ${Object.entries(test.where)
        .map(([column, condition]) => conditionText(column, condition))
        .join(", ")}`;
    case "agreement":
      return "agreement with the previous snapshot";
  }
}

type Described<T extends ModelTest> = T extends ModelTest ? Omit<T, "name"> : never;
type DescribedTest = Described<ModelTest>;

function changeText({ set = {}, scale = {}, swap, map = {} }: RowChange): string {
  const parts = [
    ...Object.entries(set).map(([column, value]) => `${column} = ${value}`),
    ...Object.entries(scale).map(([column, factor]) => `${column} x ${factor}`),
    ...(swap === undefined ? [] : [`${swap[0]} <-> ${swap[1]}`]),
    ...Object.entries(map).map(
      ([column, values]) =>
        `${column} ${Object.entries(values)
          .map(([from, to]) => `${from} -> ${to}`)
          .join(", ")}`,
    ),
  ];
  return parts.join(", ");
}

function conditionText(column: string, condition: SliceCondition): string {
  if (typeof condition !== "object") return `${column} = ${condition}`;
  const { low, high } = condition;
  if (low === undefined) return `${column} < ${high}`;
  return high === undefined ? `${column} >= ${low}` : `${low} <= ${column} < ${high}`;
}
