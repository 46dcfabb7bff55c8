import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createEngine } from "../../services/engine/create-engine.ts";
import { parsePolicy } from "../../services/simulator/policies/all.ts";
import type { Policy } from "../../services/simulator/policies/policy.ts";
import { openSeedWorld } from "../../services/simulator/run/seed-world.ts";
import { simulatePolicy } from "../../services/simulator/run/simulate-policy.ts";
import { DEFAULT_SCENARIO } from "../../services/simulator/scenario/scenario.ts";
import { scenarioOf } from "../helpers/scenarios.ts";

/** What one organization cost; a process that `simulate.ts` starts for a size. */
export interface SimulatedSize {
  readonly components: number;
  readonly ticks: number;
  readonly updates: number;
  /** Of processor time: the truth, its rows, and the initial models. */
  readonly startSeconds: number;
  /** Of processor time, in each quarter of the run's updates: training, verdict, deployment. */
  readonly millisecondsPerUpdate: readonly number[];
  /** Of processor time, after the last tick: the consistency gaps of all edges. */
  readonly endSeconds: number;
  /** The largest resident set. */
  readonly peakMegabytes: number;
}

const QUARTERS = 4;
const [components, wanted] = process.argv.slice(2).map(Number) as [number, number];
const ticks = Math.max(1, Math.round((wanted * DEFAULT_SCENARIO.cadence.every) / components));
const scenario = scenarioOf({ scenario: "bench", teams: components, edges: "layered", ticks });
const { signal } = new AbortController();
const engine = await createEngine("wasm", { clock: systemClock, log: () => {} });
const cpuMilliseconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const before = cpuMilliseconds();
const world = await openSeedWorld(scenario, 1, engine, signal);
/** Processor time when each snapshot was trained; the first ones are those of the start. */
const times: number[] = [];
let lastTick = 0;
await simulatePolicy(world, parsePolicy("async") as Policy, {
  signal,
  onSnapshot() {
    times.push(cpuMilliseconds());
  },
  onTick(tick) {
    if (tick === ticks) lastTick = cpuMilliseconds();
  },
});
const endSeconds = (cpuMilliseconds() - lastTick) / 1000;
const ends = [...times.slice(components), lastTick];
const updates = ends.length - 1;
const millisecondsPerUpdate = Array.from({ length: QUARTERS }, (_, quarter) => {
  const [from, to] = [quarter, quarter + 1].map((n) => Math.floor((n * updates) / QUARTERS)) as [number, number];
  return ((ends[to] as number) - (ends[from] as number)) / (to - from);
});
const size: SimulatedSize = {
  components,
  ticks,
  updates,
  startSeconds: ((times[components - 1] as number) - before) / 1000,
  millisecondsPerUpdate,
  endSeconds,
  peakMegabytes: process.resourceUsage().maxRSS / 1024,
};
process.send?.(size, () => process.exit(0));
