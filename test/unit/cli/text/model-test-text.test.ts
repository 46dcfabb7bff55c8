import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { manifestFacts } from "../../../../services/cli/text/manifest-text.ts";
import { testLines } from "../../../../services/cli/text/model-test-text.ts";
import { type TestedSnapshot, testedText } from "../../../../services/cli/text/tested-text.ts";
import type { JudgedTest } from "../../../../services/pipeline/model-test.ts";
import { failedTestText } from "../../../../services/pipeline/model-test-text.ts";
import { manifest } from "../../../helpers/drafts.ts";

const passed: JudgedTest = {
  name: "small",
  kind: "bounded",
  onFailure: "warn",
  rows: 1000,
  violations: 0,
  worst: 0,
  passed: true,
  component: "click",
  scope: "component",
};
const failed: JudgedTest = {
  ...passed,
  name: "falls with the price",
  kind: "monotone",
  violations: 37,
  worst: 0.123456,
  passed: false,
  examples: ["ad #1", "ad #2"],
};

test("a failed test says how many rows violate it, how far, and which", () => {
  expect(failedTestText(failed)).toBe(
    '"falls with the price": 37 of 1,000 rows violate it, the worst by 0.123 (ad #1, ad #2)',
  );
  const { examples: _, ...unnamed } = failed;
  expect(failedTestText({ ...unnamed, worst: null })).toBe('"falls with the price": 37 of 1,000 rows violate it');
  expect(failedTestText({ ...unnamed, kind: "slice", rows: 60, worst: 2 })).toBe(
    '"falls with the price": the loss on its 60 rows is above the limit by 2',
  );
});

test("a verdict counts its tests, and names those that failed or could not be run", () => {
  const style = createStyle(false);
  expect(testLines(undefined, style)).toEqual([]);
  expect(
    testLines(
      [
        passed,
        { ...failed, onFailure: "refuse", scope: "pipeline", component: "revenue", failedBefore: true },
        { ...passed, name: "agrees", skipped: "there is no previous snapshot" },
      ],
      style,
    ),
  ).toEqual([
    "    tests: 1 of 2 passed, 1 skipped",
    '    test failed (refuse, composed output of revenue): "falls with the price": 37 of 1,000 rows violate it, the worst by 0.123 (ad #1, ad #2); what is in use fails it, too',
    '    test skipped: "agrees": there is no previous snapshot',
  ]);
});

test("tests on demand: a table, and the worst rows below it", () => {
  const tested: TestedSnapshot = {
    snapshot: "click@2",
    composition: { click: 2, revenue: 1 },
    against: "click@1",
    heldOut: false,
    passed: false,
    tests: [
      passed,
      failed,
      { ...failed, name: "rises", onFailure: "refuse", component: "revenue", scope: "pipeline", worst: null },
      { ...passed, name: "agrees", rows: 0, skipped: "there is no previous snapshot" },
    ],
  };
  expect(testedText(tested, createStyle(false), 120)).toBe(
    `click@2 with revenue@1, against click@1, on training rows: 1 of 3 passed, 1 skipped

TEST                  KIND      OUTPUT              ROWS  VIOLATIONS  WORST  RESULT
small                 bounded   click              1,000           0      -  passed
falls with the price  monotone  click              1,000          37  0.123  failed (warn)
rises                 monotone  revenue, composed  1,000          37      -  failed (refuse)
agrees                bounded   click                  -           -      -  skipped: there is no previous snapshot

worst rows of "falls with the price": ad #1, ad #2
worst rows of "rises": ad #1, ad #2`,
  );
  expect(
    testedText({ ...tested, against: null, heldOut: true, tests: [passed] }, createStyle(false), 120).split("\n")[0],
  ).toBe("click@2 with revenue@1, on held-out rows, which no team may see: 1 of 1 passed");
});

test("a manifest says what its team's tests found on training rows", () => {
  const { component: _c, scope: _s, ...result } = failed;
  const tested = manifest(1, { provenance: { tests: [{ ...result, spec: {} }] } });
  expect(manifestFacts(tested)).toContainEqual([
    "tests",
    '0 of 1 passed on training rows; failed "falls with the price": 37 of 1,000 rows violate it, the worst by 0.123 (ad #1, ad #2)',
  ]);
  expect(manifestFacts(manifest(1)).map(([name]) => name)).not.toContain("tests");
});
