import { type GatedResults, gatedResults } from "../../services/cli/demo/gated-results.ts";
import type { GatedRecord, GatedRole, GatedRun } from "../../services/cli/demo/gated-story.ts";
import { DEFAULT_GATE, type GatePolicy } from "../../services/pipeline/gate.ts";
import type { Criterion, Decision, Release } from "../../services/pipeline/release.ts";
import type { Composition, Logged } from "../../services/pipeline/verdict.ts";
import * as make from "./drafts.ts";
import { succeededRun } from "./succeeded-run.ts";

export const gate: GatePolicy = { ...DEFAULT_GATE, mode: "enforce", measure: "audited", transitionBudget: 0.2 };

/** Pipeline losses by M2 (rows) and M1 (columns): async, retrained, causal with initial, consistent. */
const losses = [
  [0.1, 0.195],
  [0.19, 0.0025],
  [0.19, 0.002],
];

const seconds = (after: number) => `2030-01-01T00:00:${String(after).padStart(2, "0")}.000Z`;

function gatedRun(role: GatedRole, component: string, serial: number): GatedRun {
  const run = succeededRun(role, component, serial);
  return { role, run, losses: [], manifest: make.manifest(serial, { pipeline: "paper-gated", component }) };
}

function criteria(audited: number, transition: number, confirmed: boolean | null = null): readonly Criterion[] {
  const criterion = (name: "audited" | "transition", difference: number, margin: number): Criterion => ({
    name,
    difference,
    interval: [difference - 0.02, difference + 0.02],
    margin,
    screened: difference < margin,
    confirmed,
  });
  return [criterion("audited", audited, 0), criterion("transition", transition, 0.2)];
}

const bootstrap = (number: number, composition: Composition, at: string): Release =>
  make.release(number, { composition, cause: { type: "bootstrap" }, at });

/** A decision and its position. */
export function logged(position: number, moves: Composition, change: Partial<Decision>): Logged<Decision> {
  return { position, value: make.decision(moves, { asked: null, ...change }) };
}

/** The act under a gate as it might have gone. */
export const gatedRecord: GatedRecord = {
  runs: [
    gatedRun("initial", "m1", 1),
    gatedRun("async", "m2", 1),
    gatedRun("consistent", "m1", 2),
    gatedRun("causal", "m2", 3),
    gatedRun("retrained", "m2", 2),
  ],
  verdicts: [
    make.verdict("m1", 1, { judgedAt: seconds(1) }),
    make.verdict("m2", 1, { judgedAt: seconds(2) }),
    make.verdict("m1", 2, { judgedAt: seconds(4) }),
    make.verdict("m2", 2, { judgedAt: seconds(6) }),
    make.verdict("m2", 3, { judgedAt: seconds(8) }),
  ],
  quarantines: [],
  releases: [
    bootstrap(1, { m1: 1 }, seconds(1)),
    bootstrap(2, { m1: 1, m2: 1 }, seconds(2)),
    make.release(3, { composition: { m1: 2, m2: 2 }, cause: { type: "decision", position: 6 }, at: seconds(7) }),
    make.release(4, { composition: { m1: 2, m2: 3 }, cause: { type: "decision", position: 9 }, at: seconds(9) }),
  ],
  decisions: [
    logged(
      3,
      { m1: 2 },
      { release: 2, decision: "held", reasons: ["worse", "needs"], needs: ["m2"], criteria: criteria(0.95, 0.95) },
    ),
    logged(5, { m2: 2 }, { release: 2, decision: "held", reasons: ["transition"], criteria: criteria(-0.98, 0.9) }),
    logged(
      6,
      { m1: 2, m2: 2 },
      { release: 2, criteria: criteria(-0.99, -0.975, true), asked: { part: "confirm", question: 1 } },
    ),
    logged(9, { m2: 3 }, { release: 3, criteria: criteria(-0.3, -0.2, true), asked: { part: "confirm", question: 2 } }),
  ],
  matrix: {
    upstream: "m1",
    downstream: "m2",
    upstreamSerials: [1, 2],
    downstreamSerials: [1, 2, 3],
    cells: losses.flatMap((row, j) => row.map((loss, i) => ({ upstreamSerial: i + 1, downstreamSerial: j + 1, loss }))),
    current: { upstreamSerial: 2, downstreamSerial: 3 },
  },
  endedAt: seconds(10),
};

export const gated: GatedResults = gatedResults(gatedRecord, "paper-gated", gate);
