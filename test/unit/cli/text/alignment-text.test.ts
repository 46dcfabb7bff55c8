import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { alignmentReport } from "../../../../services/cli/text/alignment-report.ts";
import { alignmentSentence, alignmentText } from "../../../../services/cli/text/alignment-text.ts";
import type { Alignment } from "../../../../services/verdicts/alignment.ts";

const points = Array.from({ length: 12 }, (_, i) => ({ serial: i + 2, own: -0.1 * i, pipeline: 0.05 * i - 0.2 }));
const alignment: Alignment = {
  component: "m1",
  points,
  improved: 11,
  harmful: 7,
  tau: 0.4,
  interval: [0.1, 0.7],
  level: 0.95,
};

test.each<[Partial<Alignment>, string]>([
  [
    {},
    "its own loss tells what helps the pipeline: of two updates, the one with the better own loss is also better for the pipeline in 70 % of cases.",
  ],
  [
    { tau: -0.5, interval: [-0.9, -0.1] },
    "its own loss misleads: of two updates, the one with the better own loss is also better for the pipeline in 25 % of cases.",
  ],
  [
    { tau: 0.2, interval: [-0.2, 0.5] },
    "these updates do not show that its own loss tells anything about the pipeline: of two updates, the one with the better own loss is also better for the pipeline in 60 % of cases.",
  ],
  [
    { points: points.slice(0, 1), tau: null, interval: null },
    "1 update has a verdict with both losses; at least 10 are needed.",
  ],
  [{ points: points.map((point) => ({ ...point, pipeline: point.own })) }, "its own loss is the pipeline loss."],
  [{ tau: null, interval: null }, "one of the two losses never changed, so nothing can be said."],
])("what a value means: %o", (change, text) => {
  expect(alignmentSentence({ ...alignment, ...change })).toBe(`m1: ${text}`);
});

test("a table, and a page with a plot of every component that has updates", async () => {
  const none: Alignment = {
    ...alignment,
    component: "m2",
    points: [],
    improved: 0,
    harmful: 0,
    tau: null,
    interval: null,
  };
  const text = alignmentText([alignment, none], createStyle(false));
  expect(text).toMatch(/m1 +12 +0\.40 +\[0\.10, 0\.70\] +11 +7/);
  expect(text).toMatch(/m2 +0 +- /);
  const page = await alignmentReport("paper", [alignment, none], "footer");
  expect(page.match(/<svg/g)).toHaveLength(1);
  // A mark for each update.
  expect(page.match(/aria-roledescription="point"/g)).toHaveLength(12);
  expect(page).toContain("with 7 of these, the pipeline loss rose");
});
