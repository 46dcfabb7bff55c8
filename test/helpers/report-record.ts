import type { ModelReport } from "../../services/cli/report/model-report.ts";
import type { FitSummary, OutputFit } from "../../services/pipeline/run-report.ts";
import type { Study, Trial } from "../../services/pipeline/study.ts";
import { manifest, verdict } from "./drafts.ts";
import { succeededRun } from "./succeeded-run.ts";

const places = (count: number) => Array.from({ length: count }, (_, place) => place);

const groups = places(10).map((tenth) => ({ rows: 100, predicted: tenth / 10, actual: tenth / 9 }));
const residuals: Required<OutputFit>["residuals"] = {
  mean: 0.01,
  standardDeviation: 0.4,
  quantiles: [-1, -0.7, -0.3, 0, 0.3, 0.7, 1],
  edges: places(25).map((edge) => (edge - 12) / 10),
  shares: places(24).map((bin) => (bin < 12 ? bin + 1 : 24 - bin) / 156),
};

/** Of a model of numbers; with classes, of a classifier. */
function fitOf(classes?: readonly string[]): FitSummary {
  const names = classes ?? ["y1"];
  return {
    rows: 1000,
    loss: 0.25,
    outputs: names.map((name) => ({
      name,
      groups,
      calibrationError: 0.05,
      ...(classes === undefined && { residuals }),
    })),
    slices: ["phone", "tablet", "a device with a long name"].map((value, place) => ({
      column: "device",
      value,
      rows: 300,
      loss: 0.2 + place / 10,
      standardError: 0.02,
    })),
    worst: places(10).map((place) => ({
      row: `impression #${place}f1c2d3e4b5a6978`,
      loss: 9 - place / 2,
      predicted: "0.5",
      actual: "3",
    })),
  };
}

const test = { name: "rises with <price>", kind: "monotone", onFailure: "warn", rows: 1000, worst: 0.1 } as const;

/** A snapshot that has everything that a page shows. @param classes of a classifier */
export function modelReport(classes?: readonly string[]): ModelReport {
  const protocol = { name: "proximal", parameters: { lambda: 1, sigma: 0.15 } };
  const upstream = { upstream: { m1: 3 }, protocol };
  const tests = [{ ...test, violations: 3, passed: false, examples: ["impression #00ff"], spec: {} }];
  const columns = [
    { name: "price", coordinates: [{ edges: [1, 2, 3], range: [0.5, 9] as const, shares: [0.2, 0.3, 0.3, 0.2] }] },
    { name: "device", coordinates: [{ values: ["phone", "tablet"], shares: [0.6, 0.3, 0.1] }] },
  ];
  return {
    component: "m2",
    run: {
      run: succeededRun("a", "m2", 2, { warnings: ["failed test on training rows"] }),
      settings: {
        optimizer: { name: "adam", learningRate: 0.01 },
        schedule: { warmup: 10, decay: "cosine" },
        batch: 64,
        steps: 500,
        seed: 1,
      },
      curve: {
        every: 1,
        window: 1,
        points: places(500).map((step) => ({ step: step + 1, loss: 1 / (step + 1), learningRate: 1 / (step + 9) })),
      },
      fit: fitOf(classes),
    },
    snapshot: {
      manifest: manifest(2, {
        component: "m2",
        provenance: { ...upstream, tests, data: { fingerprint: "f".repeat(64), rows: 1000, columns } },
      }),
      aliases: ["champion"],
      verdict: verdict("m2", 2, {
        tests: [{ ...test, component: "m2", scope: "component", violations: 0, passed: true }],
      }),
      quarantine: null,
      releases: [3, 4],
      usedBy: ["bids"],
      position: {
        columns: ["price", "device"],
        upstream: ["m1"],
        consumers: ["m3"],
        target: "y",
        loss: "mse",
        isObjective: true,
      },
      origins: [manifest(3), manifest(1, { component: "m2", provenance: upstream })],
    },
    missing: ["its earlier run: it is not kept"],
  };
}

/** A study of 24 trials, most of which were pruned. */
export function tunedStudy(change: Partial<Study> = {}): Study {
  const trials = places(24).map((place): Trial => {
    const value = 0.1 + ((place * 7) % 24) / 100;
    const state = place % 3 === 0 ? "complete" : place % 3 === 1 ? "stopped" : "pruned";
    return {
      trial: place + 1,
      state,
      parameters: {
        "optimizer.learning_rate": 0.0001 * 1.35 ** place,
        "model.hidden": place % 2 === 0 ? [8] : [64, 64],
        ...(place % 4 === 0 && { "optimizer.momentum": 0.5 + place / 60 }),
      },
      value,
      steps: state === "pruned" ? 100 : 900,
      planned: 900,
      seconds: 1.5,
      measured: [
        { step: 100, value: value + 0.1 },
        { step: 300, value },
      ],
      error: null,
      external: false,
    };
  });
  return {
    id: "20260131-093000-5f0c1e",
    component: "m2",
    state: "complete",
    wanted: 24,
    parallel: 2,
    trials,
    upstream: { m1: 3 },
    rows: { fit: 800, validation: 200 },
    waitingFor: null,
    error: null,
    teamFile: "component: m2\nmodel: linear\n",
    startedAt: "2026-01-31T09:30:00.000Z",
    finishedAt: "2026-01-31T09:31:00.000Z",
    ...change,
  };
}
