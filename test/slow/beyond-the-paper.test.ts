import { describe, expect, it } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { PAPER_SIZES } from "../../services/experiments/paper/two-stage.ts";
import { type ExperimentName, type Reproduction, reproduce } from "../../services/experiments/reproduce.ts";

const engines = [createOnnxEngine("cpu", { clock: systemClock }), createWasmEngine({ clock: systemClock })];

const run = (engine: Engine, experiment: ExperimentName, seeds: number): Promise<Reproduction> =>
  reproduce({
    experiments: [experiment],
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    jobs: 2,
    sizes: PAPER_SIZES,
    a: 2,
    b: 1,
    engine,
  });

describe.each(engines)("causal training without the oracle, on $name", (engine) => {
  it("has at most 1.5 times the loss of a prototype of the estimators", async () => {
    const { estimators } = await run(engine, "estimators", 10);
    const loss = (estimator: string, audited: number) =>
      estimators?.rows.find((row) => row.estimator === estimator && row.audited === audited)?.mean ?? Number.NaN;
    const prototype = {
      "audit-direct": [22.1, 7.7, 4.0],
      residualized: [6.9, 3.0, 2.9],
      calibration: [5.7, 2.7, 2.7],
      pooled: [5.7, 2.7, 2.7],
    };
    for (const [estimator, losses] of Object.entries(prototype)) {
      [100, 300, 1000].forEach((audited, i) => {
        expect(loss(estimator, audited), `${estimator} ${audited}`).toBeLessThan(1.5 * (losses[i] as number));
      });
    }
    expect(loss("oracle", 0)).toBeLessThan(3.6);
    expect(loss("async", 0)).toBeGreaterThan(10 * loss("pooled", 300));
    const clicks = (cause: string, estimator: string, audited: number) =>
      estimators?.clicks.find((row) => row.cause === cause && row.estimator === estimator && row.audited === audited)
        ?.consistent.mean ?? Number.NaN;
    for (const cause of ["click", "propensity"]) {
      expect(clicks(cause, "calibration", 1000), cause).toBeLessThan(clicks(cause, "async", 0) / 4);
    }
    expect(clicks("propensity", "pooled", 1000)).toBeGreaterThan(clicks("propensity", "calibration", 1000));
    expect(clicks("propensity", "audit-direct", 1000)).toBeGreaterThan(clicks("propensity", "async", 0));
    expect(clicks("click", "audit-direct", 1000)).toBeLessThan(clicks("click", "calibration", 1000));
  });
});

describe.each(engines)("the support check, on $name", (engine) => {
  it("warns if and only if M1's output does not cover its space", async () => {
    const { support } = await run(engine, "support", 10);
    const row = (bottleneck: string, protocol: string) =>
      support?.rows.find((entry) => entry.bottleneck === bottleneck && entry.protocol === protocol);
    expect(row("linear", "causal")?.warned).toBe(0);
    for (const bottleneck of ["1 unit", "2 units"]) {
      expect(row(bottleneck, "causal")?.warned).toBe(10);
      expect(row(bottleneck, "causal")?.mean).toBeGreaterThan(20);
      expect(row(bottleneck, "causal-proximal")?.mean).toBeLessThan(3);
    }
  });
});

describe.each(engines)("the consistency gap, on $name", (engine) => {
  it("forecasts the verdict on a right M1 in at least 90 % of updates", async () => {
    const { gap } = await run(engine, "gap", 5);
    for (const update of ["exact", "trained"]) {
      const all = gap?.rows.find((row) => row.pipeline === "all" && row.update === update);
      expect(all?.updates).toBe(90);
      // Some get worse and some better, so that no constant answer is right as often.
      expect(all?.degraded.trials).toBeGreaterThan(10);
      expect((all?.right.count ?? 0) / (all?.right.trials ?? 1)).toBeGreaterThanOrEqual(0.9);
    }
  });
});

describe.each(engines)("a decision-making M2, on $name", (engine) => {
  it("reproduces the regrets of the policy loss: causal is consistent, async is better only before updates", async () => {
    const { policy } = await run(engine, "policy", 5);
    for (const feedback of ["full", "logged"]) {
      const regret = (protocol: string, upstream: string) =>
        policy?.rows.find((row) => row.feedback === feedback && row.protocol === protocol && row.upstream === upstream)
          ?.mean ?? Number.NaN;
      for (const causal of ["causal", "causal-audited"]) {
        expect(Math.abs(regret(causal, "initial") - 100)).toBeLessThan(8);
        expect(regret(causal, "consistent")).toBeLessThan(1.2 * regret("sync", "consistent"));
      }
      expect(regret("async", "initial")).toBeLessThan(regret("causal", "initial"));
      expect(regret("async", "consistent")).toBeGreaterThan(2.5 * regret("causal", "consistent"));
    }
  });
});

describe.each(engines)("the diagnosis of an update, on $name", (engine) => {
  it("names the known cause of both generated cases on every seed", async () => {
    const { diagnosis } = await run(engine, "diagnosis", 3);
    expect(diagnosis?.rows.map((row) => [row.case, row.named])).toEqual([
      ["near-far", { upstream: 3, approximation: 0, estimation: 0, none: 0 }],
      ["cube", { upstream: 0, approximation: 3, estimation: 0, none: 0 }],
    ]);
  });
});
