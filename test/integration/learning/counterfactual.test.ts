import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { estimatorsOf } from "../../../services/experiments/estimators.ts";
import { supportOf } from "../../../services/experiments/support.ts";
import { openTwoStage, SMALL_SIZES, type TwoStage } from "../../../services/experiments/two-stage.ts";
import { createEngine } from "../../../services/learning/engines/create-engine.ts";
import type { Engine } from "../../../services/learning/engines/engine.ts";

let engine: Engine;
let stage: TwoStage;

beforeAll(async () => {
  engine = await createEngine("onnx:cpu", () => {});
  stage = await openTwoStage(0, SMALL_SIZES, engine);
});

afterAll(async () => {
  await stage.lab.close();
});

describe("causal training without the oracle", () => {
  it("comes near the oracle with 300 audited rows, in the order of the estimators", async () => {
    const losses = await estimatorsOf(stage, [300]);
    const of = (estimator: string) => losses.find((row) => row.estimator === estimator)?.loss ?? Number.NaN;
    expect(of("oracle")).toBeLessThan(6);
    expect(of("async")).toBeGreaterThan(30);
    for (const estimator of ["pooled", "calibration", "residualised"]) {
      expect(of(estimator), estimator).toBeLessThan(of("oracle") + 6);
      expect(of(estimator), estimator).toBeLessThan(of("audit-direct"));
    }
    expect(of("audit-direct")).toBeLessThan(of("async") / 2);
  });
});

describe("support of the imputed inputs", () => {
  it("is warned of before causal training goes wrong, and causal-proximal does not", async () => {
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
