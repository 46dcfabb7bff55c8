import { DEFAULT_TEST, MOST_TESTED_ROWS, type TestKind } from "../../pipeline/model-test.ts";

/** What a test of models demands, or what a key of it does, for `uncouple explain tests`. */
export interface TestKey {
  /** As the file spells it. */
  readonly key: string;
  readonly values: string;
  readonly default: string;
  readonly summary: string;
  readonly cost: string;
}

const KINDS: Readonly<Record<TestKind, Omit<TestKey, "key" | "default">>> = {
  monotone: {
    values: "a numeric column, with direction: increasing or decreasing",
    summary:
      "Each row's column moves through 21 quantiles of its values, everything else fixed. A row violates the test if the output moves the wrong way from one of them to a later one by more than the tolerance.",
    cost: "21 predictions a row. A reversal between two neighboring quantiles can be missed.",
  },
  invariant: {
    values: "a change: set, scale, swap or map",
    summary:
      "The change may not move the output by more than the tolerance, such as { set: { country: US } }. Only rows that it alters are tested.",
    cost: "Two predictions a row.",
  },
  directional: {
    values: "a change, with direction",
    summary: "The change may not move the output the wrong way by more than the tolerance.",
    cost: "Two predictions a row.",
  },
  bounded: {
    values: "low, high, or both",
    summary: "The output stays within the bounds.",
    cost: "One prediction a row.",
  },
  slice: {
    values: "columns with a value or a range, with loss_at_most or loss_relative_to_all",
    summary:
      "The mean loss on these rows is at most a number, or a multiple of the mean loss on all rows. It fails if the rows show the opposite at 99 %, one-sided, with groups as one.",
    cost: "A slice needs 30 rows in the sample, or groups, to fail. On training rows, the loss is optimistic.",
  },
  agreement: {
    values: "{ with: previous, at_least: 95 %, within: 0.1 }",
    summary:
      "That share of the rows has outputs within this distance of the previous snapshot's, or, without a distance, the same most probable class.",
    cost: "Large improvements fail it, too.",
  },
};

const COMMON: readonly TestKey[] = [
  {
    key: "on_failure",
    values: "warn or refuse",
    default: DEFAULT_TEST.onFailure,
    summary:
      "refuse: the trainer fails the run before it publishes; evaluators quarantine the snapshot as failed-test, or a gate that enforces holds what fails a test of the pipeline. warn: runs and verdicts show it.",
    cost: "Under refuse, no better model passes either. Begin with warn.",
  },
  {
    key: "allowed",
    values: "0 % to 100 % of the rows",
    default: "0 %",
    summary:
      "The share of rows that may violate it. A model fails if its violations would be this many in less than 1 % of samples of a model that is exactly at the limit. With 0 %, one violation is enough.",
    cost: "A higher share hides rare groups of rows; give these a test of their own.",
  },
  {
    key: "tolerance",
    values: "a number, in units of the output",
    default: "1e-5 of the largest output",
    summary: "How far a row may go in the wrong direction. The default absorbs float32 rounding.",
    cost: "None.",
  },
  {
    key: "output",
    values: "a class, or a coordinate from 0",
    default: "the only one, or all",
    summary: "Which coordinate of the output is tested. monotone and directional need it where there are several.",
    cost: "None.",
  },
  {
    key: "name",
    values: "1 to 80 characters, unique in the file",
    default: "a description, such as decreasing in price",
    summary: "What runs, verdicts and decisions call the test.",
    cost: "None.",
  },
  {
    key: "rows",
    values: `10 to ${MOST_TESTED_ROWS.toLocaleString("en-US")}`,
    default: `${DEFAULT_TEST.rows}, slice ${DEFAULT_TEST.sliceRows}`,
    summary: "How many rows are tested, always the same ones.",
    cost: "Rare violations need more.",
  },
  {
    key: "component",
    values: "a component",
    default: "the objective",
    summary: "In a pipeline file only: whose composed output is tested.",
    cost: "None.",
  },
];

export const TEST_KEYS: readonly TestKey[] = [
  ...Object.entries(KINDS).map(([key, kind]) => ({ key, default: "no such test", ...kind })),
  ...COMMON,
];

export const TEST_RULES: readonly string[] = [
  "Tests in a team file are about the component alone: upstream outputs stay as they are. The trainer runs them on training rows, and evaluators again on held-out rows.",
  "Tests in a pipeline file are about composed outputs: a changed column changes what every component makes of it. Evaluators run them for each snapshot that can change the output.",
  "An update fails a test of the pipeline that what is in use fails, too, only if it is shown to be worse.",
  "A test that cannot be run, such as one of a slice with too few rows, passes, and says why.",
  "A prediction that is not finite violates every test.",
  "Counter-examples are named by the salted hash of their key.",
  "`uncouple test COMPONENT --tests FILE` runs the tests of a file on a published snapshot, before anybody trains with them.",
];
