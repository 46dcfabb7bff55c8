import { describe, expect, it } from "vitest";
import { demoReport } from "../../../services/cli/demo/demo-report.ts";
import { conclusions, demoText } from "../../../services/cli/demo/demo-text.ts";
import { demoResults } from "../../../services/cli/demo/results.ts";
import type { Role, StoryRecord, StoryRun } from "../../../services/cli/demo/story.ts";
import { createStyle } from "../../../services/cli/style.ts";
import type { SnapshotManifest } from "../../../services/pipeline/manifest.ts";
import type { PairedComparison, Verdict, VerdictKind } from "../../../services/pipeline/verdict.ts";
import { draft, verdict } from "../../helpers/drafts.ts";

/** Pipeline losses by M2 (rows) and M1 (columns): async, proximal, causal with initial, incremental, consistent. */
const losses = [
  [0.54, 0.39, 1.05],
  [0.55, 0.36, 0.77],
  [1.0, 0.47, 0.014],
];

function storyRun(role: Role, component: string, serial: number): StoryRun {
  const manifest: SnapshotManifest = {
    ...draft({
      pipeline: "paper",
      component,
      protocol: {
        name: role === "proximal" ? "proximal" : role === "causal" ? "causal" : "async",
        parameters: role === "proximal" ? { sigma: 0.15, lambda: 1 } : {},
      },
      finishedAt: `2030-01-01T00:00:0${component === "m1" && serial === 1 ? 0 : component === "m2" ? serial : serial + 3}.000Z`,
      upstream: component === "m2" ? { m1: 1 } : {},
    }),
    version: 1,
    serial,
    parent: serial === 1 ? null : serial - 1,
    digest: "0".repeat(64),
    size: 100,
  };
  return {
    role,
    manifest,
    run: {
      id: `run-${role}`,
      component,
      state: "succeeded",
      trigger: "request",
      protocol: manifest.protocol,
      step: 100,
      steps: 100,
      loss: 0.1,
      learningRate: 0,
      stepsPerSecond: 1,
      etaSeconds: 0,
      upstream: manifest.upstream,
      snapshot: serial,
      error: null,
      warnings: [],
      queuedAt: "",
      startedAt: null,
      finishedAt: null,
    },
    losses: [
      { step: 50, loss: 0.5 },
      { step: 100, loss: 0.1 },
    ],
  };
}

function compared(m1: number, m2: number): PairedComparison {
  const currentLoss = losses[m2 - 1]?.[0] ?? 0;
  const candidateLoss = losses[m2 - 1]?.[m1 - 1] ?? 0;
  const difference = candidateLoss - currentLoss;
  const kind: VerdictKind = difference > 0 ? "self-defeating" : "improved";
  return {
    current: { m1: 1, m2 },
    candidate: { m1, m2 },
    currentLoss,
    candidateLoss,
    difference,
    interval: [difference - 0.01, difference + 0.01],
    kind,
  };
}

function judged(m1: number, candidate: number): Verdict {
  const comparison = compared(m1, 1);
  const { reason: _, ...plain } = verdict("m1", m1);
  return {
    ...plain,
    pipeline: "paper",
    kind: comparison.kind,
    componentLoss: { current: 0.3, candidate },
    componentInterval: [candidate - 0.31, candidate - 0.29],
    comparison,
    alternatives: [compared(m1, 2), compared(m1, 3)],
  };
}

const record: StoryRecord = {
  runs: [
    storyRun("initial", "m1", 1),
    storyRun("async", "m2", 1),
    storyRun("proximal", "m2", 2),
    storyRun("causal", "m2", 3),
    storyRun("incremental", "m1", 2),
    storyRun("consistent", "m1", 3),
  ],
  verdicts: [verdict("m1", 1), verdict("m2", 1), judged(2, 0.14), judged(3, 0.003)],
  quarantines: [],
  matrix: {
    upstream: "m1",
    downstream: "m2",
    upstreamSerials: [1, 2, 3],
    downstreamSerials: [1, 2, 3],
    cells: losses.flatMap((row, j) => row.map((loss, i) => ({ upstreamSerial: i + 1, downstreamSerial: j + 1, loss }))),
  },
};

const circumstances = {
  pipeline: "paper",
  seed: 10,
  backplane: "jetstream",
  oracleLoss: 0.5,
  seconds: 12,
  codeVersion: "0.1.0",
} as const;

const results = demoResults(record, circumstances);

describe("the demo's results", () => {
  it("relate every loss to that of the true M2 on the first M1", () => {
    expect(results.rows.map(({ protocol }) => protocol)).toEqual(["async", "proximal", "causal"]);
    expect(results.rows[0]?.normalised).toEqual({ initial: 108, incremental: 78, consistent: 210 });
    expect(results.rows[2]?.normalised.consistent).toBeCloseTo(2.8);
    expect(results.compositions).toBe(9);
  });

  it("take what each update did under each M2 from its verdict, the alternatives included", () => {
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

  it("leave open what was not measured", () => {
    const partial = demoResults({ ...record, verdicts: [], matrix: { ...record.matrix, cells: [] } }, circumstances);
    expect(partial.rows[0]?.normalised).toEqual({ initial: null, incremental: null, consistent: null });
    const text = demoText(partial, "r.html", createStyle(false));
    expect(text).toContain("was not measured");
    expect(text).not.toMatch(/NaN|undefined|null/);
  });
});

describe("the demo's last words", () => {
  const text = demoText(results, "out/demo/report.html", createStyle(false));

  it("are a table with a row for each M2 and what the consistent update did to it", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("M2 "));
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatch(
      /^M2 async +108\.0 +78\.0 +210\.0 +self-defeating: M1 improved 99 %, pipeline degraded 94 % \[93, 96\]$/,
    );
    expect(rows[1]).toMatch(/^M2 proximal sigma=0\.15 +110\.0/);
    expect(rows[2]).toMatch(/improved 99 % \[98, 100\]$/);
    expect(text).toContain(
      "6 snapshots published by 2 teams, 9 compositions measured, 0 quarantined, in 12 s.  Report: out/demo/report.html",
    );
  });

  it("say what was self-defeating under which protocol", () => {
    expect(conclusions(results)[1]).toBe(
      "The consistent update (M1's own loss improved 99 %) was self-defeating under async and proximal, improved the pipeline under causal.",
    );
  });

  it("claim nothing of updates that nobody compared", () => {
    const silent = demoResults({ ...record, verdicts: [] }, circumstances);
    expect(conclusions(silent).join(" ")).not.toMatch(/self-defeating|improved/);
  });
});

describe("the demo's report", () => {
  it("shows every loss, verdict and snapshot, and needs nothing from outside", async () => {
    const page = await demoReport(results);
    for (const loss of ["108", "78.0", "210", "2.80"]) expect(page).toContain(`>${loss}</text>`);
    for (const name of ["m1@1", "m1@2", "m1@3", "m2@1", "m2@2", "m2@3"]) expect(page).toContain(`>${name}</text>`);
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page).toContain('<span class="badge self-defeating">');
    expect(page).not.toMatch(/<script|<link|src=|href="http|NaN|undefined/);
  });
});
