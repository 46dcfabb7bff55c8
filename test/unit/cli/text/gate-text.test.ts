import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { type GateReport, gateText } from "../../../../services/cli/text/gate-text.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";

const style = createStyle(false);
const report: GateReport = {
  gate: {
    ...DEFAULT_GATE,
    mode: "enforce",
    guards: { click: 0.01 },
    slices: ["device"],
    hold: ["revenue"],
    margin: 0.005,
  },
  digest: "3f2a91c0".repeat(8),
  freeze: [],
  heldOut: { generation: 2, rows: 5000, startedAt: "2026-01-01T00:00:00.000Z" },
  questions: { confirm: 37, reserve: 0, isReserveOpen: false, left: 163 },
  resolution: { level: 0.9995, confirmRows: 1500, detectable: 0.019, rowsNeeded: 31_000, questionsLeft: 163 },
  decisions: { promoted: 3, refused: 1, held: 12, void: 0 },
};
const text = (change: Partial<GateReport> = {}) => gateText({ ...report, ...change }, style, 80);

test("a gate says its policy, the questions left and what its rows tell apart", () => {
  expect(text().split("\n")).toEqual([
    "mode          enforce",
    "require       improved composed loss",
    "margin        0.5 %",
    "guards        click within 1.0 %",
    "slices        device",
    "hold          revenue",
    "bootstrap     person",
    "digest        3f2a91c03f2a",
    "frozen        -",
    "held-out rows generation 2, since 2026-01-01T00:00:00.000Z: about 2,500 screen,",
    "              1,500 confirm, 1,000 reserve",
    "questions     37 of 200 asked of the confirm rows; reserve closed; 163 left",
    "tells apart   about 1.9 % of the loss in one question, by recent decisions; as",
    "              little as the margin, 0.5 %, with about 31,000 held-out rows",
    "decisions     3 promoted, 1 refused, 12 held",
  ]);
});

test("a spent horizon says what a person can do, with and without the reserve", () => {
  const spent = { confirm: 200, reserve: 0, isReserveOpen: false, left: 0 };
  expect(text({ questions: spent }).replaceAll(/\s+/g, " ")).toContain(
    "none left, so updates are held: open the reserve (uncouple gate --open-reserve), hold out new rows, or promote by hand",
  );
  const all = { confirm: 200, reserve: 200, isReserveOpen: true, left: 0 };
  expect(text({ questions: all }).replaceAll(/\s+/g, " ")).toContain(
    "reserve open, 200 of 200 asked; none left, so updates are held: hold out new rows, or promote by hand",
  );
});

test("what is not known yet is not made up", () => {
  expect(text({ resolution: null })).toContain("tells apart   not known before the first decisions");
  const early = text({ heldOut: null, questions: null, resolution: null });
  expect(early).not.toMatch(/questions|tells apart|held-out/);
  expect(text({ decisions: { promoted: 0, refused: 0, held: 0, void: 0 } })).toContain("decisions     none yet");
});

test("a freeze says whether it is in force, and until when", () => {
  const freeze = [{ from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z", reason: null }];
  expect(text({ freeze })).toContain("frozen        not now");
  expect(text({ freeze, frozenUntil: "2026-01-02T00:00:00.000Z" })).toContain("now, until 2026-01-02T00:00:00.000Z");
  expect(text({ freeze, frozenUntil: null })).toContain("now, without an end");
});

test("other policies are said in full", () => {
  const gate = { ...DEFAULT_GATE, measure: "audited" as const, transitionBudget: 1 };
  expect(text({ gate }).replaceAll(/\s+/g, " ")).toMatch(
    /mode observe: says what it would do, while the newest snapshots are in use require improved audited loss margin 1.0 % transition composed loss within 100 %/,
  );
  expect(text({ gate: { ...DEFAULT_GATE, measure: "both", require: "non-inferior" } })).toContain(
    "require       non-inferior composed loss, audited loss not inferior",
  );
});

test("without a gate, it says what is in use, and how to begin", () => {
  const none = text({ gate: null, digest: null, questions: null, resolution: null });
  expect(none.replaceAll(/\s+/g, " ")).toContain("has no gate: the newest judged snapshots are in use");
  expect(none).toContain("Add `gate: {}`");
  expect(none).not.toContain("mode  ");
});
