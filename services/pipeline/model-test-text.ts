import type { JudgedTest, TestResult } from "./model-test.ts";

/**
 * A failed test in one sentence: `"price lowers demand": 37 of 1,000 rows violate it, the worst by 0.12 (ad #3f9a2c0b71d4e865)`.
 */
export function failedTestText({ name, kind, rows, violations, worst, examples = [] }: TestResult): string {
  const count = (value: number) => value.toLocaleString("en-US");
  const beyond = worst === null ? undefined : Number(worst.toPrecision(3));
  const said =
    kind === "slice"
      ? `the loss on its ${count(rows)} rows is above the limit${beyond === undefined ? "" : ` by ${beyond}`}`
      : `${count(violations)} of ${count(rows)} rows violate it${beyond === undefined ? "" : `, the worst by ${beyond}`}`;
  return `"${name}": ${said}${examples.length === 0 ? "" : ` (${examples.join(", ")})`}`;
}

/** Failed tests of an evaluation, as the detail of a quarantine or a decision: `failed tests on held-out rows: ...`. */
export function failedTestsText(tests: readonly JudgedTest[]): string {
  const texts = tests.map((test) =>
    test.scope === "pipeline"
      ? `${failedTestText(test)} in the composed output of ${test.component}`
      : failedTestText(test),
  );
  return `${tests.length === 1 ? "failed test" : "failed tests"} on held-out rows: ${texts.join("; ")}`;
}
