import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

const engine = createWasmEngine({ clock: systemClock });
const scenario = smallScenario({
  policies: ["async", "causal", "sync"],
  seeds: 2,
  ticks: 4,
  events: { scripted: [{ tick: 2, team: "m2", kind: "split", into: ["left", "right"] }] },
});
const { signal } = new AbortController();

test("the results are the same, bit for bit, with one job and with two; progress counts the ticks of all parts", async () => {
  const done: number[] = [];
  const two = await runSimulation({
    scenario,
    jobs: 2,
    engine,
    signal,
    onProgress(ticks, total) {
      expect(total).toBe(2 * 3 * 4);
      done.push(ticks);
    },
  });
  const one = await runSimulation({ scenario, jobs: 1, engine, signal });
  expect(JSON.stringify(two)).toBe(JSON.stringify(one));
  expect(JSON.stringify(simulationResults(scenario, two, 0))).toBe(JSON.stringify(simulationResults(scenario, one, 0)));
  expect(done.at(-1)).toBe(24);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
});

test.each([1, 2])("an abort ends it with its reason: %i jobs", async (jobs) => {
  const controller = new AbortController();
  const reason = new UncoupleError("cancelled", "interrupted");
  const running = runSimulation({
    scenario,
    jobs,
    engine,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(running).rejects.toBe(reason);
});
