import { type DemoResults, demoResults } from "../../services/cli/demo/results.ts";
import type { Role, StoryRecord, StoryRun } from "../../services/cli/demo/story.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { CellDifference, PairedComparison, Verdict, VerdictKind } from "../../services/pipeline/verdict.ts";
import * as make from "./drafts.ts";
import { gated } from "./gated-record.ts";
import { succeededRun } from "./succeeded-run.ts";

/** Pipeline losses by M2 (rows) and M1 (columns): async, proximal, causal with initial, incremental, consistent. */
const losses = [
  [0.54, 0.39, 1.05],
  [0.55, 0.36, 0.77],
  [1.0, 0.47, 0.014],
];

function storyRun(role: Role, component: string, serial: number): StoryRun {
  const order = component === "m1" && serial === 1 ? 0 : component === "m2" ? serial : serial + 3;
  const upstream = component === "m2" ? { m1: 1 } : {};
  const protocol = {
    name: role === "proximal" ? "proximal" : role === "causal" ? "causal" : "async",
    parameters: role === "proximal" ? { sigma: 0.15, lambda: 1 } : {},
  };
  const manifest: SnapshotManifest = {
    ...make.manifest(serial, { pipeline: "paper", component, provenance: { protocol, upstream } }),
    publishedAt: `2030-01-01T00:00:0${order}.000Z`,
  };
  return {
    role,
    manifest,
    run: succeededRun(role, component, serial, { protocol, upstream }),
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

/** Of a cell with the pair in use, m2@1 of m1@1. */
function comparedWithFirst(loss: number): CellDifference {
  const difference = loss - 0.54;
  const interval = [difference - 0.02, difference + 0.02] as const;
  const kind = Math.abs(difference) < 0.02 ? "inconclusive" : difference > 0 ? "degraded" : "improved";
  return { kind, difference, relative: difference / 0.54, interval, level: 0.99 };
}

function judged(m1: number, candidate: number): Verdict {
  const comparison = compared(m1, 1);
  const { reason: _, ...plain } = make.verdict("m1", m1);
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

/** The story of the demo as it might have gone. */
export const record: StoryRecord = {
  runs: [
    storyRun("initial", "m1", 1),
    storyRun("async", "m2", 1),
    storyRun("proximal", "m2", 2),
    storyRun("causal", "m2", 3),
    storyRun("incremental", "m1", 2),
    storyRun("consistent", "m1", 3),
  ],
  verdicts: [make.verdict("m1", 1), make.verdict("m2", 1), judged(2, 0.14), judged(3, 0.003)],
  quarantines: [],
  matrix: {
    upstream: "m1",
    downstream: "m2",
    upstreamSerials: [1, 2, 3],
    downstreamSerials: [1, 2, 3],
    cells: losses.flatMap((row, j) =>
      row.map((loss, i) => ({
        upstreamSerial: i + 1,
        downstreamSerial: j + 1,
        loss,
        ...(i + j > 0 && { comparison: comparedWithFirst(loss) }),
      })),
    ),
    current: { upstreamSerial: 1, downstreamSerial: 1 },
    intervals: { method: "hall", level: 0.95, compared: 8 },
  },
};

export const metadata = {
  pipeline: "paper",
  seed: 10,
  backplane: "jetstream",
  oracleLoss: 0.5,
  gated,
  seconds: 12,
  codeVersion: "0.1.0",
} as const;

export const results: DemoResults = demoResults(record, metadata);
