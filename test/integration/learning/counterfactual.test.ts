import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { expectedRevenue } from "../../../services/data/synthetic/clicks.ts";
import { createSyntheticSource } from "../../../services/data/synthetic/synthetic-source.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { clicksOf, clicksPipeline } from "../../../services/experiments/beyond/clicks.ts";
import { estimatorsOf } from "../../../services/experiments/beyond/estimators.ts";
import { supportOf } from "../../../services/experiments/beyond/support.ts";
import { dense, openLab, type Recipe } from "../../../services/experiments/lab/lab.ts";
import {
  openTwoStage,
  SMALL_SIZES,
  STUDENT,
  type TwoStage,
  trainUpstreams,
  twoStagePipeline,
} from "../../../services/experiments/paper/two-stage.ts";
import { trainComponent } from "../../../services/learning/component/train-component.ts";
import type { ComponentTraining } from "../../../services/learning/component/training-backend.ts";
import { protocolSpec } from "../../../services/learning/protocols/protocol-spec.ts";
import type { TrainingCheckpoint } from "../../../services/learning/training/training-progress.ts";
import type { ProtocolSpec } from "../../../services/pipeline/team.ts";
import { visibleColumns } from "../../../services/pipeline/visible-columns.ts";

let engine: Engine;
let stage: TwoStage;

beforeAll(async () => {
  engine = await createEngine("onnx:cpu", { clock: systemClock, log: () => {} });
  stage = await openTwoStage(0, SMALL_SIZES, engine);
});

afterAll(async () => {
  await stage.lab.close();
});

describe("causal training without the oracle", () => {
  it("nearly matches the oracle with 300 audited rows, and ranks the estimators as expected", async () => {
    const losses = await estimatorsOf(stage, [300]);
    const of = (estimator: string) => losses.find((row) => row.estimator === estimator)?.loss ?? Number.NaN;
    expect(of("oracle")).toBeLessThan(6);
    expect(of("async")).toBeGreaterThan(30);
    for (const estimator of ["pooled", "calibration", "residualized"]) {
      expect(of(estimator), estimator).toBeLessThan(of("oracle") + 6);
      expect(of(estimator), estimator).toBeLessThan(of("audit-direct"));
    }
    expect(of("audit-direct")).toBeLessThan(of("async") / 2);
  });
});

describe("causal training on labels of a probability", () => {
  it("is right with calibration whatever revenue depends on, and with labels only if it depends on the click", async () => {
    const wasm = await createEngine("wasm", { clock: systemClock, log: () => {} });
    const losses = await clicksOf(0, SMALL_SIZES, wasm, undefined, [300]);
    const of = (cause: string, estimator: string) =>
      losses.find((row) => row.cause === cause && row.estimator === estimator)?.consistent ?? Number.NaN;
    for (const cause of ["click", "propensity"]) {
      expect(of(cause, "async"), cause).toBeGreaterThan(30);
      expect(of(cause, "calibration"), cause).toBeLessThan(20);
      expect(of(cause, "sync"), cause).toBeLessThan(10);
    }
    expect(of("click", "audit-direct")).toBeLessThan(10);
    expect(of("propensity", "audit-direct")).toBeGreaterThan(of("propensity", "async"));
    expect(of("propensity", "pooled")).toBeGreaterThan(of("propensity", "calibration"));
  });

  it.each([
    ["causal-proximal", "onnx:cpu"],
    ["causal-proximal", "wasm"],
    ["causal", "wasm"],
  ] as const)(
    "sums over classes, and warns of what that assumes but not of missing support: %s on %s",
    async (protocol, choice) => {
      const pipeline = clicksPipeline(0, 2000, "click");
      const compiled = await createEngine(choice, { clock: systemClock, log: () => {} });
      const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), compiled, 0);
      try {
        const m1 = await lab.train("m1", { model: dense(), steps: 500 }, {});
        const warnings: string[] = [];
        const recipe: Recipe = {
          model: STUDENT,
          steps: 600,
          protocol: protocolSpec(protocol, { source: "audit-direct" }),
          audit: { rows: 300, columns: ["click"] },
          onWarning: (message) => void warnings.push(message),
        };
        const m2 = await lab.train("m2", recipe, { m1 });
        const truth = expectedRevenue("click", lab.observed("x2"), await lab.predict("m1", { m1 }));
        const mean = truth.reduce((sum, value) => sum + value) / truth.length;
        const spread = truth.reduce((sum, value) => sum + (value - mean) ** 2, 0) / truth.length;
        const predicted = await lab.predict("m2", { m1, m2 });
        const error = predicted.reduce((sum, y, i) => sum + (y - (truth[i] as number)) ** 2, 0) / truth.length;
        expect(error).toBeLessThan(0.1 * spread);
        expect(warnings).toEqual([expect.stringContaining("sums over its classes")]);
      } finally {
        await lab.close();
      }
    },
  );
});

describe("the support check of imputed inputs", () => {
  it("warns before causal training degrades, where causal-proximal does not", async () => {
    const rows = await supportOf(stage);
    const of = (bottleneck: string, protocol: string) =>
      rows.find((row) => row.bottleneck === bottleneck && row.protocol === protocol);
    expect(of("linear", "causal")?.warnings).toEqual([]);
    for (const [bottleneck, rank] of [
      ["1 unit", "1.00"],
      ["2 units", "1."],
    ] as const) {
      expect(of(bottleneck, "causal")?.warnings).toHaveLength(1);
      expect(of(bottleneck, "causal")?.warnings[0]).toContain(`effective rank ${rank}`);
      expect(of(bottleneck, "causal-proximal")?.warnings).toEqual([]);
      const [causal, both] = [of(bottleneck, "causal")?.loss, of(bottleneck, "causal-proximal")?.loss];
      expect(both).toBeLessThan((causal as number) / 4);
      expect(both).toBeLessThan(10);
    }
  });
});

describe("matching", () => {
  it("works if x2 is discrete, as does the calibrated Gauss-Newton form if z is annotated", async () => {
    const pipeline = twoStagePipeline(0, SMALL_SIZES.rows);
    const data = { ...pipeline.data, parameters: { levels: 8 } };
    const lab = await openLab({ ...pipeline, data }, createSyntheticSource(data), engine, 0);
    try {
      const m1 = await trainUpstreams(lab, SMALL_SIZES);
      const unit = (await lab.oracleLoss("m2", { m1: m1.initial })) / 100;
      const consistentLoss = async (protocol: ProtocolSpec) => {
        const audit = { rows: 300, columns: ["z"] };
        const recipe = { model: STUDENT, steps: SMALL_SIZES.downstreamSteps, protocol, audit };
        const m2 = await lab.train("m2", recipe, { m1: m1.initial });
        return (await lab.loss("m2", { m1: m1.consistent, m2 })) / unit;
      };
      const async = await consistentLoss(protocolSpec("async"));
      expect(await consistentLoss(protocolSpec("causal", { source: "matching" }))).toBeLessThan(async / 4);
      expect(await consistentLoss(protocolSpec("gauss-newton"))).toBeLessThan(async / 2);
    } finally {
      await lab.close();
    }
  });
});

describe("a run that prepares a counterfactual source", () => {
  it.each(["onnx:cpu", "wasm"] as const)(
    "produces the same bytes after an interruption, and records where its targets came from, on %s",
    async (choice) => {
      const engine = await createEngine(choice, { clock: systemClock, log: () => {} });
      const pipeline = twoStagePipeline(3, 1000);
      const source = createSyntheticSource(pipeline.data);
      const visible = visibleColumns(pipeline, "m2");
      const { initial } = await trainUpstreams(await openLab(pipeline, source, engine, 3), {
        ...SMALL_SIZES,
        initialSteps: 100,
        incrementalSteps: 10,
        consistentSteps: 10,
      });
      const training: ComponentTraining = {
        pipeline,
        team: {
          component: "m2",
          model: STUDENT,
          optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
          batch: 64,
          steps: 300,
          schedule: { warmup: 10, decay: "cosine" },
          protocol: protocolSpec("causal-proximal"),
          seed: 3,
          train: { when: "on-demand" },
          engine: choice,
        },
        table: (await source.trainingRows(visible)).table,
        audit: (await source.auditRows(visible, ["z"], 100)).table,
        upstream: { m1: initial },
        engine,
      };
      const checkpoints: TrainingCheckpoint[] = [];
      const whole = await trainComponent({
        ...training,
        onProgress: async (progress) => {
          if (checkpoints.length === 0 && progress.step < 300) checkpoints.push(await progress.checkpoint());
        },
      });
      expect(whole.counterfactual).toBe("pooled (100 audited rows)");
      const resumed = await trainComponent({ ...training, resume: checkpoints[0] as TrainingCheckpoint });
      expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
    },
  );
});
