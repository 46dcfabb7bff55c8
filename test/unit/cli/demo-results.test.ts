import { describe, expect, it } from "vitest";
import { demoReport } from "../../../services/cli/demo/demo-report.ts";
import { conclusions, demoText } from "../../../services/cli/demo/demo-text.ts";
import { demoResults } from "../../../services/cli/demo/results.ts";
import { createStyle } from "../../../services/cli/terminal/style.ts";
import { metadata, record, results } from "../../helpers/demo-record.ts";

describe("the demo's results", () => {
  it("scale every loss by that of the true M2 on the first M1", () => {
    expect(results.rows.map(({ protocol }) => protocol)).toEqual(["async", "proximal", "causal"]);
    expect(results.rows[0]?.normalized).toEqual({ initial: 108, incremental: 78, consistent: 210 });
    expect(results.rows[2]?.normalized.consistent).toBeCloseTo(2.8);
    expect(results.compositions).toBe(9);
  });

  it("take the effect of each update on each M2 from its verdict and alternatives", () => {
    const kinds = results.rows.map(({ updates }) =>
      updates.map(({ update, comparison }) => [update, comparison?.kind]),
    );
    expect(kinds).toEqual([
      [
        ["incremental", "improved"],
        ["consistent", "self-defeating"],
      ],
      [
        ["incremental", "improved"],
        ["consistent", "self-defeating"],
      ],
      [
        ["incremental", "improved"],
        ["consistent", "improved"],
      ],
    ]);
  });

  it("report unmeasured values as missing", () => {
    const partial = demoResults({ ...record, verdicts: [], matrix: { ...record.matrix, cells: [] } }, metadata);
    expect(partial.rows[0]?.normalized).toEqual({ initial: null, incremental: null, consistent: null });
    const text = demoText(partial, "r.html", createStyle(false));
    expect(text).toContain("was not measured");
    expect(text).not.toMatch(/NaN|undefined|null/);
  });
});

describe("the demo's summary", () => {
  const text = demoText(results, "out/demo/report.html", createStyle(false));

  it("has a table with one row per M2 and the effect of the consistent update", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("M2 "));
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatch(
      /^M2 async +108\.0 +78\.0 +210\.0 +self-defeating: M1 improved 99 %, pipeline degraded 94 % \[93, 96\]$/,
    );
    expect(rows[1]).toMatch(/^M2 proximal sigma=0\.15 +110\.0/);
    expect(rows[2]).toMatch(/improved 99 % \[98, 100\]$/);
    expect(text).toContain(
      "11 snapshots published by 2 teams, 15 compositions measured, 0 quarantined, in 12 s.  Report: out/demo/report.html",
    );
  });

  it("states what was self-defeating under which protocol", () => {
    expect(conclusions(results)[1]).toBe(
      "The consistent update (M1's own loss improved 99 %) was self-defeating under async and proximal, improved the pipeline under causal.",
    );
  });

  it("draws no conclusions from updates that were not compared", () => {
    const silent = demoResults({ ...record, verdicts: [] }, metadata);
    expect(conclusions(silent).join(" ")).not.toMatch(/self-defeating|improved/);
  });
});

describe("the demo's report", () => {
  it("shows every loss, verdict and snapshot, and loads no external resources", async () => {
    const page = await demoReport(results);
    for (const loss of ["108", "78.0", "210", "2.80"]) expect(page).toContain(`>${loss}</text>`);
    for (const name of ["m1@1", "m1@2", "m1@3", "m2@1", "m2@2", "m2@3"]) expect(page).toContain(`>${name}</text>`);
    expect(page.match(/<svg /g)).toHaveLength(5);
    expect(page).toContain('<span class="badge self-defeating">');
    // The pair in use, and the others against it: 0.54, 0.55 and 0.014.
    expect(page.match(/stroke="var\(--ink\)" stroke-width="3"/g)).toHaveLength(1);
    expect(page.match(/<td>in use<\/td>/g)).toHaveLength(1);
    expect(page).toContain("<td>+1.9 % [-1.9, 5.6]</td>");
    expect(page).toContain("<td>improved 97 % [94, 101]</td>");
    expect(page).not.toMatch(/<script|<link|src=|href="http|NaN|undefined/);
    expect(page).not.toContain("Forecasts");
  });

  it("shows what the verdict on an M2 forecast, beside what the consistent M1 did", async () => {
    const edge = { upstream: "m1", downstream: "m2", kind: "degraded", currentLoss: 0.5, gap: 0.45, relative: 0.9 };
    const consistency = { rows: 1000, candidate: [{ ...edge, interval: [0.4, 0.5] as const }] };
    const verdicts = record.verdicts.map((one) => (one.component === "m2" ? { ...one, consistency } : one));
    const page = await demoReport(demoResults({ ...record, verdicts }, metadata));
    const [, section = ""] = page.split("<h2>Forecasts</h2>");
    expect(section).toContain(
      '<td>M2 async</td><td><span class="badge degraded">degraded</span> +90 % [80, 100]</td><td><span class="badge self-defeating">self-defeating</span> degraded 94 % [93, 96]</td>',
    );
  });
});
