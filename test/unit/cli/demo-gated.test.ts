import { describe, expect, it } from "vitest";
import { gatedSections } from "../../../services/cli/demo/gated-report.ts";
import { gatedResults } from "../../../services/cli/demo/gated-results.ts";
import type { GatedRecord } from "../../../services/cli/demo/gated-story.ts";
import { gatedConclusions, releasesText } from "../../../services/cli/demo/gated-text.ts";
import { createStyle } from "../../../services/cli/terminal/style.ts";
import { release } from "../../helpers/drafts.ts";
import { gate, gated, gatedRecord, logged } from "../../helpers/gated-record.ts";

const [first, second] = gatedRecord.releases.slice(0, 2);
if (first === undefined || second === undefined) throw new Error("the record has no releases");

const conclusionsOf = (change: Partial<GatedRecord>) =>
  gatedConclusions(gatedResults({ ...gatedRecord, ...change }, "paper-gated", gate));

describe("the act under a gate", () => {
  it("has the loss of every release, and of what would have been in use without a gate", () => {
    const { released, newest } = gated.inUse;
    expect(released.map(({ normalized }) => normalized)).toEqual([null, 100, 2.5, 2]);
    expect(newest.map(({ composition }) => composition)).toEqual([
      { m1: 1 },
      { m1: 1, m2: 1 },
      { m1: 2, m2: 1 },
      { m1: 2, m2: 2 },
      { m1: 2, m2: 3 },
    ]);
    expect(newest[2]?.normalized).toBeCloseTo(195);
  });

  it("lists the releases with their losses", () => {
    const rows = releasesText(gated, createStyle(false)).split("\n");
    expect(rows[1]).toMatch(/^ +1 {2}m1@1 new +- {2}first snapshot of its component/);
    expect(rows[3]).toMatch(/^ +3 {2}m1@1 -> m1@2, m2@1 -> m2@2 +2\.50 {2}the gate$/);
  });

  it("concludes that the update was held, retrained on, and released together with its consumer", () => {
    expect(gatedConclusions(gated)).toEqual([
      "The gate held m1@2 by itself, which would have raised the pipeline loss by 95 %, and asked for m2 to be retrained on it. Release 3 moved m1@1 -> m1@2, m2@1 -> m2@2: the loss fell from 100 to 2.50.",
      "Without a gate, m1@2 and m2@1 would have been in use together, with a loss of 195.",
      "M2's move to causal training, m2@3, was promoted: audited loss -30 %, pipeline loss -20 %.",
      "Questions asked of the confirm rows: 2 of 200.",
    ]);
  });

  it("concludes otherwise with data whose update the gate promotes by itself", () => {
    const promoted = [logged(3, { m1: 2 }, { release: 2, asked: { part: "confirm", question: 1 } })];
    const alone = release(3, { composition: { m1: 2, m2: 1 }, cause: { type: "decision", position: 3 } });
    const said = conclusionsOf({ releases: [first, second, alone], decisions: promoted });
    expect(said[0]).toBe("The gate promoted m1@2 by itself: the loss rose from 100 to 195.");
    expect(said.join(" ")).not.toMatch(/causal|retrained/);
    expect(said.at(-1)).toBe("Questions asked of the confirm rows: 1 of 200.");
  });

  it("concludes that nothing was released if the gate refuses all of it", () => {
    const refused = gatedRecord.decisions.map(({ position, value }) => ({
      position,
      value: { ...value, decision: "refused" as const, reasons: ["worse"], needs: [], detail: "no luck" },
    }));
    const said = conclusionsOf({ releases: [first, second], decisions: refused });
    expect(said[0]).toBe(
      "The gate refused m1@2 by itself, which would have raised the pipeline loss by 95 %. m1@2 was not released (the measure is worse, beyond the margin; no luck).",
    );
    expect(said[2]).toBe(
      "M2's move to causal training, m2@3, was refused: audited loss -30 %, pipeline loss -20 % (the measure is worse, beyond the margin; no luck).",
    );
  });

  it("says nothing about what was not decided or measured", () => {
    const cells = { ...gatedRecord.matrix, cells: [] };
    expect(conclusionsOf({ releases: [], decisions: [], verdicts: [], matrix: cells })).toEqual([
      "Questions asked of the confirm rows: 0 of 200.",
    ]);
    const unmeasured = conclusionsOf({ matrix: cells });
    expect(unmeasured[0]).toMatch(/Release 3 moved m1@1 -> m1@2, m2@1 -> m2@2\.$/);
    expect(unmeasured.join(" ")).not.toContain("Without a gate");
  });
});

describe("the report's sections about it", () => {
  it("have a stepped line for the gate and for the newest snapshots, and one row per release and decision", async () => {
    const [chart, releases, decisions] = (await gatedSections(gated)).map(({ body }) => body.markup);
    expect(chart).toContain(">under the gate</text>");
    expect(chart).toContain(">newest snapshots</text>");
    expect(releases?.match(/<tr>/g)).toHaveLength(1 + 4);
    expect(decisions?.match(/<tr>/g)).toHaveLength(1 + 4);
    expect(decisions).toContain('<span class="badge held">held</span>');
    expect(decisions).toContain("audited loss -30 % [-32, -28], below 0 %: ✓ confirmed");
    expect(decisions).toContain("needs m2 retrained on it; the measure is worse, beyond the margin");
  });
});
