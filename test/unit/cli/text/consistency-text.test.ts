import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { consistencyLines, gapText } from "../../../../services/cli/text/consistency-text.ts";
import { matricesText } from "../../../../services/cli/text/matrix-text.ts";
import type { ConsistencyGap } from "../../../../services/pipeline/verdict.ts";
import { verdict } from "../../../helpers/drafts.ts";

const gap: ConsistencyGap = {
  upstream: "m1",
  downstream: "m2",
  kind: "degraded",
  currentLoss: 0.5,
  gap: 0.47,
  relative: 0.94,
  interval: [0.355, 0.59],
};

test.each<[Partial<ConsistencyGap>, string]>([
  [{}, "gap m1 -> m2: +94 % [71, 118]; if m1 became right, the pipeline would degrade"],
  [
    { kind: "improved", gap: -0.495, relative: -0.99, interval: [-0.5, -0.49] },
    "gap m1 -> m2: -99 % [-100, -98]; if m1 became right, the pipeline would improve",
  ],
  [
    { kind: "inconclusive", gap: 0.0015, relative: 0.003, interval: [-0.002, 0.0055] },
    "gap m1 -> m2: +0.3 % [-0.4, 1.1]; undecided",
  ],
  [
    { kind: "inconclusive", reason: "too-few-rows" },
    "gap m1 -> m2: +94 % [71, 118]; too few annotated rows for such a tail",
  ],
  [
    { labels: true },
    "gap m1 -> m2: +94 % [71, 118]; if m1 became right, the pipeline would degrade (measured with labels in place of probabilities)",
  ],
  [
    { currentLoss: 0, relative: null, interval: [0.25, 0.75] },
    "gap m1 -> m2: 0.47 [0.25, 0.75]; if m1 became right, the pipeline would degrade",
  ],
])("a gap in one line: %o", (change, text) => {
  expect(gapText({ ...gap, ...change })).toBe(text);
});

test("a verdict has a line per edge, with what it was before", () => {
  const before = { ...gap, kind: "improved", gap: -0.05, relative: -0.1, interval: [-0.06, -0.04] } as const;
  const both = verdict("m2", 2, { consistency: { rows: 300, current: [before], candidate: [gap] } });
  expect(consistencyLines(both)).toEqual([`    ${gapText(gap)}; before: -10 % [-12, -8.0]`]);
  expect(consistencyLines(verdict("m2", 2, { consistency: { rows: 300, candidate: [gap] } }))).toEqual([
    `    ${gapText(gap)}`,
  ]);
  expect(consistencyLines(verdict("m2", 2))).toEqual([]);
});

test("a matrix has a line below", () => {
  const cells = [{ upstreamSerial: 1, downstreamSerial: 1, loss: 0.5 }];
  const edge = { upstream: "m1", downstream: "m2", upstreamSerials: [1], downstreamSerials: [1], cells };
  const text = matricesText([{ ...edge, gap }], createStyle(false));
  expect(text.trimEnd().split("\n").at(-1)).toBe(gapText(gap));
  expect(matricesText([edge], createStyle(false))).not.toContain("gap");
});
