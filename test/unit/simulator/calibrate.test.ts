import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import type { Verdict } from "../../../services/pipeline/verdict.ts";
import { calibratedHistory, calibrateScenario } from "../../../services/simulator/calibrate/calibrate-scenario.ts";
import { calibrateTruth, effectsOfRun } from "../../../services/simulator/calibrate/calibrate-truth.ts";
import { measureHistory } from "../../../services/simulator/calibrate/history.ts";
import { createPartRunner } from "../../../services/simulator/jobs/part-runner.ts";
import { scenarioPipeline } from "../../../services/simulator/scenario/scenario-pipeline.ts";
import { stagesOf } from "../../../services/simulator/scenario/stages.ts";
import { verdict } from "../../helpers/drafts.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

const DAY_MS = 86_400_000;
const pair = smallScenario({ teams: 2, edges: "chain" });
const pipeline = scenarioPipeline(pair, stagesOf(pair)[0], 1);
const { signal } = new AbortController();

/** A verdict on the update of a day; every fourth is self-defeating, and the first is a bad release. */
function judged(component: string, day: number, at: number): Verdict {
  const isHarmful = at % 4 === 3;
  const isBad = at === 0;
  return verdict(component, at + 2, {
    kind: isHarmful ? "self-defeating" : "improved",
    judgedAt: new Date(day * DAY_MS).toISOString(),
    componentLoss: { current: 1, candidate: isBad ? 2 : 0.9 },
    componentInterval: isBad ? [0.5, 1.5] : [-0.2, -0.05],
    comparison: {
      current: {},
      candidate: {},
      currentLoss: 2,
      candidateLoss: isHarmful ? 2.4 : 1.6,
      difference: isHarmful ? 0.4 : -0.4,
      interval: isHarmful ? [0.3, 0.5] : [-0.5, -0.3],
      kind: isHarmful ? "degraded" : "improved",
    },
  });
}

const log = [
  ...Array.from({ length: 12 }, (_, at) => judged("m1", 2 * at, at)),
  ...Array.from({ length: 6 }, (_, at) => judged("m2", 4 * at, at)),
];

test("a verdict log tells cadence, size of updates, alignment and bad releases", () => {
  const history = measureHistory(pipeline, log);
  expect(history).toMatchObject({ verdicts: 18, tick: { name: "day" }, cadence: "periodic", gap: null });
  expect(Object.fromEntries(history.every)).toEqual({ m1: 2, m2: 4 });
  expect(history.size).toBeCloseTo(0.2);
  // 11 updates of m1 improved their own loss, of which 3 harmed the pipeline. The own loss of m2 is the pipeline loss.
  expect(history.harmful).toBeCloseTo(3 / 11);
  expect(history.badReleases).toBeCloseTo(2 / 18);
  expect(calibratedHistory(pipeline, history)).toMatchObject({
    teams: [
      { name: "m1", reads: [], every: 2 },
      { name: "m2", reads: ["m1"], every: 4 },
    ],
    cadence: { kind: "periodic", every: 3 },
    events: { badRelease: 0.111 },
  });
});

/** It trains some 800 small models. */
const MANY_TRAININGS_MS = 60_000;

test("the truth that updates came from is found again", { timeout: MANY_TRAININGS_MS }, async () => {
  const engine = createWasmEngine({ clock: systemClock });
  const scenario = smallScenario({ training: { steps: 20, held_out: 100 }, cadence: { every: 1 }, ticks: 15 });
  const truth = { ...scenario.truth, coupling: 4, noise: 0.5 };
  const run = await createPartRunner({ ...scenario, truth }, engine).run(
    { seed: 1, policy: "async" },
    signal,
    () => {},
  );
  const effects = effectsOfRun(scenario, run);
  expect(effects).toEqual({ size: expect.any(Number), harmful: expect.any(Number), gap: expect.any(Number) });
  const trials: number[] = [];
  const found = await calibrateTruth(scenario, effects, engine, signal, (done) => trials.push(done));
  expect(found).toEqual({ truth, simulated: effects });
  expect(trials).toEqual(Array.from({ length: 13 }, (_, at) => at));
});

test("too few verdicts are refused", async () => {
  const engine = createWasmEngine({ clock: systemClock });
  await expect(calibrateScenario(pipeline, log.slice(0, 3), { engine, signal, onProgress: () => {} })).rejects.toThrow(
    /has 3 verdicts on 2 components; calibration needs 10 on at least 2$/,
  );
});
