import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { decisionLine, decisionLines, reasonsText } from "../../../../services/cli/text/decision-text.ts";
import { intervalPlot } from "../../../../services/cli/text/interval-plot.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { type Criterion, DECISION_REASONS, type Decision } from "../../../../services/pipeline/release.ts";
import { decision, release } from "../../../helpers/drafts.ts";

const style = createStyle(false);
const clock = createVirtualClock(Date.parse("2026-01-01T00:06:10.000Z"));
const criterion = (change: Partial<Criterion>): Criterion => ({
  name: "composed",
  difference: null,
  interval: null,
  margin: 0,
  screened: false,
  confirmed: null,
  ...change,
});

const held = decision(
  { m1: 2 },
  {
    release: 12,
    decision: "held",
    reasons: ["worse", "needs"],
    needs: ["m2"],
    asked: null,
    criteria: [
      criterion({ difference: 0.98, interval: [0.88, 1.07] }),
      criterion({ name: "drift", subject: "9", difference: 0.99, interval: [0.9, 1.09], margin: 0.005 }),
      criterion({
        name: "guard",
        subject: "click",
        difference: 0.001,
        interval: [-0.004, 0.006],
        margin: 0.01,
        screened: true,
      }),
      criterion({ name: "slice", subject: "device=tv", difference: 0.02, interval: [-0.1, 0.14], screened: true }),
      criterion({ name: "audited", margin: 0.005 }),
    ],
    detail: "m1 improved 99 % by its own loss.",
  },
);
const before = [release(12, { composition: { m1: 1, m2: 3 } })];
const lines = (value: Decision, releases = before, width = 80) =>
  decisionLines({ position: 5, value }, releases, style, width, clock);

describe("a decision", () => {
  test("says what was decided and what happens next, then one line a criterion, within 80 columns", () => {
    expect(lines(held)).toEqual([
      "m1@2 held: needs m2 retrained on it; the measure is worse, beyond the margin",
      "  pipeline loss    +98 % [88, 107]     below 0 %     ✗  │                  ├─●─┤",
      "  drift from 9     +99 % [90, 109]     below +0.5 %  ✗  │                  ├─●─┤",
      "  guard click      +0.1 % [-0.4, 0.6]  below +1.0 %  ✓  ├──────│●───────┤      ┊",
      "  slice device=tv  +2.0 % [-10, 14]    not worse     ✓  ├─────────│─●──────────┤",
      "  audited loss     not measured        below +0.5 %  ✗",
      "  m1 improved 99 % by its own loss.",
      "  waits for a snapshot of m2 that is trained on it, or for a person to promote",
      "  it",
      "  judged beside release 12, no question asked; by evaluator-1 in 0.1 s, 3 min 10",
      "  s ago",
      "  │ no change, ┊ limit, ├●┤ 95 % interval on screen rows",
    ]);
  });

  test.each([80, 70, 60, 40])("fits a terminal of %i columns, but for its numbers", (width) => {
    const text = lines(held, before, width);
    const numbers = text.filter((line) => /[✓✗]/.test(line));
    for (const line of text) if (!numbers.includes(line)) expect(stringWidth(line)).toBeLessThanOrEqual(width);
    for (const line of numbers) expect(stringWidth(line)).toBeLessThanOrEqual(Math.max(width, 55));
    expect(text.some((line) => line.includes("●"))).toBe(width >= 70);
  });

  test("tells what became of it", () => {
    const promoted = decision({ m1: 2, m2: 4 }, { release: 12, asked: { part: "confirm", question: 37 } });
    const cause = { type: "decision", position: 5 } as const;
    expect(lines(promoted)).toContain("  about to be released");
    expect(lines(promoted, [...before, release(13, { cause })])).toContain("  in use since release 13");
    expect(lines(promoted, [...before, release(13)]).join(" ")).toMatch(
      /void: release 12 was replaced, so it is decided/,
    );
    expect(lines({ ...promoted, decision: "void" }).join(" ")).toMatch(/void: it was not carried out/);
    expect(lines({ ...promoted, decision: "refused" }).join(" ")).toMatch(/uncouple promote --override/);
    expect(lines({ ...promoted, decision: "held", reasons: ["inconclusive"] }).join(" ")).toMatch(/a newer snapshot/);
    expect(lines(promoted).join(" ")).toMatch(/question 37 on the confirm rows of generation 1/);
    expect(lines({ ...promoted, mode: "observe" })).toContain("  observed: what is in use does not depend on it");
    expect(lines(promoted)).toContainEqual(expect.stringMatching(/ ✓ confirmed {2}/));
  });

  test("shows the one bit of confirm rows", () => {
    const [composed] = decision({ m1: 2 }).criteria as [Criterion];
    const refuted = decision({ m1: 2 }, { criteria: [{ ...composed, confirmed: false }], decision: "held" });
    expect(lines(refuted)).toContainEqual(
      expect.stringMatching(/-10 % \[-15, -5\.0\] {2}below \+1\.0 % {2}✗ not confirmed/),
    );
  });

  test("is one line in a list, and says when a gate only observes", () => {
    expect(decisionLine(held, style)).toBe(
      "m1@2  held: needs m2 retrained on it; the measure is worse, beyond the margin",
    );
    const observed = decision({ m2: 4, m1: 2 }, { mode: "observe" });
    expect(decisionLine(observed, style)).toBe("m1@2,m2@4  promoted (observed)");
  });

  test("has words for every reason, and shows unknown ones as they are", () => {
    for (const reason of DECISION_REASONS.filter((one) => one !== "needs")) {
      expect(reasonsText({ reasons: [reason], needs: [] })).toMatch(/ /);
    }
    expect(reasonsText({ reasons: ["later-reason"], needs: [] })).toBe("later-reason");
  });

  test("of a hostile writer has no control characters", () => {
    const hostile = decision(
      { m1: 2 },
      { release: 12, decision: "held", reasons: ["\u001b[2J"], by: "e\u0007", detail: "a\u001bb" },
    );
    expect(lines(hostile).join("\n")).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

describe("the plot of an interval", () => {
  const plot = (difference: number | null, interval: readonly [number, number] | null, margin: number) =>
    intervalPlot({ difference, interval, margin }, 21);

  test("has no change, the limit and the interval on one scale", () => {
    expect(plot(-0.1, [-0.15, -0.05], 0.05)).toBe("├────●────┤    │    ┊");
    expect(plot(0.5, [0.4, 1], 0)).toBe("│       ├─●─────────┤");
    expect(plot(0.01, null, 0.02)).toBe("│         ●         ┊");
    expect(plot(0, [0, 0], 0)).toBe("●");
    expect(plot(null, null, 0.1)).toBe("");
  });
});
