import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

const engine = createWasmEngine({ clock: systemClock });
const scenario = smallScenario({ policies: ["async", "causal", "sync"], seeds: 2, ticks: 4 });
const { signal } = new AbortController();

test("the results are the same, bit for bit, with one job and with two", async () => {
  const [one, two] = [
    await runSimulation({ scenario, jobs: 1, engine, signal }),
    await runSimulation({ scenario, jobs: 2, engine, signal }),
  ];
  expect(JSON.stringify(two)).toBe(JSON.stringify(one));
  expect(JSON.stringify(simulationResults(scenario, two, 0))).toBe(JSON.stringify(simulationResults(scenario, one, 0)));
});

test("progress counts the ticks of all parts, and every run is handed out as it is done", async () => {
  const done: number[] = [];
  const runs: string[] = [];
  await runSimulation({
    scenario,
    jobs: 2,
    engine,
    signal,
    onProgress: (ticks, total) => {
      expect(total).toBe(2 * 3 * 4);
      done.push(ticks);
    },
    onRun: ({ seed, policy }) => void runs.push(`${seed} ${policy}`),
  });
  expect(done.at(-1)).toBe(24);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(runs.toSorted()).toEqual(["1 async", "1 causal", "1 sync", "2 async", "2 causal", "2 sync"]);
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
