import { describe, expect, it } from "vitest";
import { progressText } from "../../../../services/cli/terminal/progress.ts";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { runLine } from "../../../../services/cli/text/run-text.ts";
import {
  alternativeLines,
  changeText,
  quarantineLine,
  verdictLine,
  verdictLines,
} from "../../../../services/cli/text/verdict-text.ts";
import type { Run } from "../../../../services/pipeline/run.ts";
import type { Verdict } from "../../../../services/pipeline/verdict.ts";

const style = createStyle(false);

const verdict: Verdict = {
  version: 2,
  method: "paired-bootstrap",
  level: 0.95,
  pipelineDigest: null,
  pipeline: "paper",
  component: "m1",
  serial: 3,
  kind: "self-defeating",
  componentLoss: { current: 0.3, candidate: 0.003 },
  componentInterval: [-0.31, -0.29],
  comparison: {
    current: { m1: 1, m2: 1 },
    candidate: { m1: 3, m2: 1 },
    currentLoss: 0.5,
    candidateLoss: 0.97,
    difference: 0.47,
    interval: [0.355, 0.59],
    kind: "self-defeating",
  },
  alternatives: [
    {
      current: { m1: 1, m2: 3 },
      candidate: { m1: 3, m2: 3 },
      currentLoss: 1,
      candidateLoss: 0.014,
      difference: -0.986,
      interval: [-1, -0.97],
      kind: "improved",
    },
  ],
  rows: 10_000,
  evaluator: "e",
  seconds: 0.1,
  judgedAt: "2030-01-01T00:00:00.000Z",
};

describe("the text of a change", () => {
  it.each([
    [0.5, 0.97, [0.355, 0.59], "degraded 94 % [71, 118]"],
    [1, 0.014, [-1, -0.97], "improved 99 % [97, 100]"],
    [1, 1.003, [-0.004, 0.011], "+0.3 % [-0.4, 1.1]"],
    [1, 0.99, [-0.03, 0.01], "-1.0 % [-3.0, 1.0]"],
    [2, 1, null, "improved 50 %"],
    [0, 1, null, "changed from 0 to 1.00"],
    [1, 1, [0, 0], "0 % [0, 0]"],
  ] as const)("from %s to %s with %o: %s", (from, to, interval, text) => {
    expect(changeText(from, to, interval)).toBe(text);
  });
});

describe("the line of an output that others read", () => {
  const adapter = { loss: 0.51, difference: 0.01, interval: [-0.01, 0.02], recovered: 0.978 } as const;
  const moved = { shift: 1.523, outside: { current: 0.002, candidate: 0.34 }, coordinates: [] };

  it.each([
    [{ ...moved, adapterSkipped: "no-harm" }, "output moved 1.52 sd, 34 % of rows outside its old range"],
    [
      { ...moved, adapter: { ...adapter, explains: "convention" } },
      "output moved 1.52 sd, 34 % of rows outside its old range; an affine adapter removes 98 % of the harm: a matter of convention",
    ],
    [
      { ...moved, adapter: { ...adapter, recovered: -0.1, explains: "content" } },
      "output moved 1.52 sd, 34 % of rows outside its old range; an affine adapter removes no harm: a matter of content",
    ],
    [
      { ...moved, adapter: { ...adapter, recovered: 1.4, explains: "undecided" } },
      "output moved 1.52 sd, 34 % of rows outside its old range; an affine adapter removes all harm, but the rows do not tell how much",
    ],
    [
      { ...moved, adapterSkipped: "too-few-rows" },
      "output moved 1.52 sd, 34 % of rows outside its old range; no adapter test: too few rows",
    ],
    [{ ...moved, shift: 0, adapterSkipped: "later" }, "output unchanged"],
  ])("for %o: %s", (interfaceShift, text) => {
    expect(verdictLines({ ...verdict, interfaceShift }, style)).toEqual([
      verdictLine(verdict, style),
      `    ${text}`,
      ...alternativeLines(verdict, style),
    ]);
  });

  it("is absent for a verdict without", () => {
    expect(verdictLines(verdict, style)).toEqual([verdictLine(verdict, style), ...alternativeLines(verdict, style)]);
  });
});

describe("the line of a verdict", () => {
  it("states the change in the component, in the pipeline, and the other snapshots", () => {
    expect(verdictLine(verdict, style)).toBe(
      "m1@3  self-defeating: m1 improved 99 %, pipeline degraded 94 % [71, 118] (with m2@1)",
    );
    expect(alternativeLines(verdict, style)).toEqual(["    with m2@3: improved, pipeline improved 99 % [97, 100]"]);
  });

  it("states why there is no comparison", () => {
    const first: Verdict = {
      ...verdict,
      kind: "inconclusive",
      reason: "no-current-snapshot",
      comparison: null,
      alternatives: [],
    };
    expect(verdictLine(first, style)).toBe(
      "m1@3  inconclusive: first snapshot of its component, nothing to compare it with",
    );
  });

  it("states what would decide an inconclusive verdict, and the slice that degraded", () => {
    const interval = [-0.02, 0.03] as const;
    const comparison = {
      ...(verdict.comparison as NonNullable<Verdict["comparison"]>),
      candidateLoss: 0.505,
      difference: 0.005,
      interval,
      kind: "inconclusive",
      detectable: 0.035,
      rowsNeeded: 490_000,
      worstSlice: {
        column: "device",
        value: "tv",
        rows: 900,
        kind: "degraded",
        difference: 0.05,
        relative: 0.1,
        interval: [0.01, 0.09],
      },
    } as const;
    const undecided: Verdict = { ...verdict, kind: "inconclusive", comparison };
    expect(verdictLine(undecided, style)).toBe(
      "m1@3  inconclusive: m1 improved 99 %, pipeline +1.0 % [-4.0, 6.0]; 10,000 rows tell apart 7.0 %, this would need 490,000; slice device=tv degraded 10 % (with m2@1)",
    );
    const { worstSlice: _, ...mean } = comparison;
    const tail: Verdict = {
      ...undecided,
      reason: "too-few-rows",
      comparison: { ...mean, reason: "too-few-rows", rowsNeeded: 25_000 },
    };
    expect(verdictLine(tail, style)).toBe(
      "m1@3  inconclusive: m1 improved 99 %, pipeline +1.0 %, too few rows for such a tail; about 25,000 rows would do (with m2@1)",
    );
  });

  it("states what became of each objective", () => {
    const objective = {
      component: "tip",
      weight: 1,
      currentLoss: 0.4,
      candidateLoss: 0.3,
      difference: -0.1,
      relative: -0.25,
      interval: [-0.12, -0.08],
      level: 0.975,
      kind: "improved",
    } as const;
    const few = { ...objective, component: "toll", kind: "inconclusive", reason: "too-few-rows" } as const;
    const same = { ...objective, component: "fare", candidateLoss: 0.4, difference: 0, relative: 0 };
    const objectives = [objective, few, { ...same, interval: [0, 0] as const, kind: "inconclusive" }];
    const comparison = { ...(verdict.comparison as NonNullable<Verdict["comparison"]>), objectives };
    expect(verdictLine({ ...verdict, comparison }, style)).toBe(
      "m1@3  self-defeating: m1 improved 99 %, pipeline degraded 94 % [71, 118]; tip improved 25 % [20, 30], toll -25 %, too few rows for such a tail, fare unchanged (with m2@1)",
    );
  });

  it("omits the component's own loss if it is unknown", () => {
    const without: Verdict = { ...verdict, componentLoss: { current: null, candidate: null }, componentInterval: null };
    expect(verdictLine(without, style)).toContain("self-defeating: pipeline degraded");
  });

  it("states the reason for a quarantine, without escape sequences", () => {
    const quarantine = {
      version: 1,
      pipeline: "paper",
      component: "m2",
      serial: 9,
      reason: "wrong-output",
      detail: "output \u001b[2J is y2",
      evaluator: "e",
      judgedAt: "",
    } as const;
    expect(quarantineLine(quarantine, style)).toBe("m2@9  quarantined: wrong-output: output  [2J is y2");
  });
});

const run: Run = {
  id: "r1",
  component: "m2",
  state: "running",
  trigger: "request",
  protocol: { name: "proximal", parameters: { sigma: 0.15 } },
  step: 1000,
  steps: 4000,
  loss: 0.123,
  learningRate: 0.01,
  stepsPerSecond: 4321.6,
  etaSeconds: 0.7,
  upstream: { m1: 1 },
  snapshot: null,
  waitingFor: null,
  error: null,
  warnings: [],
  queuedAt: "2030-01-01T00:00:00.000Z",
  startedAt: "2030-01-01T00:00:01.000Z",
  finishedAt: null,
};

describe("a run", () => {
  it("shows loss, rate and remaining time while it trains, and its state before", () => {
    expect(progressText(run)).toBe("loss 0.12  4322 steps/s  0.7 s left");
    expect(progressText({ ...run, state: "queued", loss: null })).toBe("queued");
  });

  it("shows how it ended", () => {
    const finishedAt = "2030-01-01T00:00:03.500Z";
    expect(runLine({ ...run, state: "succeeded", snapshot: 2, finishedAt }, style)).toBe(
      "m2 proximal sigma=0.15: published m2@2 after 4000 steps in 2.5 s, loss 0.12",
    );
    const error = { code: "failed-precondition", message: "no upstream" } as const;
    expect(runLine({ ...run, state: "failed", error }, style)).toBe("m2 proximal sigma=0.15: failed: no upstream");
    expect(runLine({ ...run, state: "cancelled" }, style)).toBe("m2 proximal sigma=0.15: cancelled");
  });
});
