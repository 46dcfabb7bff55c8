import type { JudgedTest, TestResult } from "../../pipeline/model-test.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import { plain, type Style } from "../terminal/style.ts";

/** How many tests passed: `4 of 5 passed, 1 skipped`. */
export function testCounts(tests: readonly TestResult[]): string {
  const skipped = tests.filter((test) => test.skipped !== undefined).length;
  const ran = tests.filter((test) => test.skipped === undefined);
  if (ran.length === 0) return `${skipped} skipped`;
  const passed = `${ran.filter((test) => test.passed).length} of ${ran.length} passed`;
  return skipped === 0 ? passed : `${passed}, ${skipped} skipped`;
}

/** What a test found, in a word or two: `failed (refuse)`. */
export function testResult({ passed, skipped, onFailure, failedBefore }: TestResult & Partial<JudgedTest>): string {
  if (skipped !== undefined) return `skipped: ${skipped}`;
  if (passed) return "passed";
  return `failed (${onFailure})${failedBefore === true ? "; what it is compared with fails it, too" : ""}`;
}

/** The tests below a verdict: how many passed, and a line for each that failed or could not be run. */
export function testLines(tests: readonly JudgedTest[] | undefined, style: Style): string[] {
  if (tests === undefined) return [];
  const told = tests.flatMap((test) => {
    const about = test.scope === "pipeline" ? `, composed output of ${test.component}` : "";
    if (test.skipped !== undefined)
      return [style.dim(plain(`    test skipped: "${test.name}"${about}: ${test.skipped}`))];
    if (test.passed) return [];
    const before = test.failedBefore === true ? "; what is in use fails it, too" : "";
    return [
      `    ${style.red("test failed")} ${plain(`(${test.onFailure}${about}): ${failedTestText(test)}${before}`)}`,
    ];
  });
  return [plain(`    tests: ${testCounts(tests)}`), ...told];
}
