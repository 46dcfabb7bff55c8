import { systemClock } from "../../services/common/clock/system-clock.ts";
import { oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { describeMachine, machineText } from "./machine.ts";
import { median } from "./median.ts";

/**
 * Measures how long a gate takes from a verdict to the release of what it promotes: two components with eight retained snapshots
 * each, 10,000 held-out rows, a NATS server and an inference host.
 *
 *     npm run bench:gate
 */
const TIMES = 16;
const RETAINED = 8;
const GOAL_MS = 100;

const m1 = oracleOf("m1");
const m2 = oracleOf("m2");

/** Each closer to the oracle than the one before: a gate promotes all. */
const better = (time: number) => spoilt(m1, 0.5 * 0.9 ** time);

const machine = describeMachine();
const nats = await startTestNats();
const world = await openEvaluatorWorld(
  nats.url,
  "latency",
  20_000,
  "gate: { mode: enforce, bootstrap: newest, horizon: 1000 }\n",
);
const evaluator = await world.evaluator({ retained: RETAINED });
await world.publish("m2", m2);
for (let serial = 2; serial <= RETAINED; serial++) await world.publish("m2", spoilt(m2, 0.05 * serial, serial));
await world.publish("m1", better(0));
await releaseOf(world, "m1", 1);

const taken: number[] = [];
for (let time = 1; time <= TIMES; time++) {
  // The matrix, and decisions on snapshots that are held, are made in between.
  await systemClock.sleep(500);
  await world.publish("m1", better(time));
  const judged = await verdictOf(world, "m1", time + 1);
  const released = await releaseOf(world, "m1", time + 1);
  taken.push(released - judged);
}
await evaluator.stop();
await world.close();
await nats.stop();

const sorted = [...taken].sort((a, b) => a - b);
console.log(
  [
    ...machineText(machine),
    "",
    `verdict to release, ${TIMES} promotions: p50 ${median(taken).toFixed(0)} ms (goal: below ${GOAL_MS}), slowest ${sorted.at(-1)?.toFixed(0)} ms`,
  ].join("\n"),
);

/** @returns when this process sees the verdict, in milliseconds */
async function verdictOf({ backplane }: EvaluatorWorld, component: string, serial: number): Promise<number> {
  const leaving = new AbortController();
  for await (const { value } of backplane.verdicts.watch(0, leaving.signal)) {
    if (value.component === component && value.serial === serial) break;
  }
  const seen = systemClock.elapsed();
  leaving.abort();
  return seen;
}

/** @returns when this process sees the first release with that snapshot, in milliseconds */
async function releaseOf({ backplane }: EvaluatorWorld, component: string, serial: number): Promise<number> {
  const leaving = new AbortController();
  for await (const { value } of backplane.ledger.watch(0, leaving.signal)) {
    if (value.entry === "release" && value.composition[component] === serial) break;
  }
  const seen = systemClock.elapsed();
  leaving.abort();
  return seen;
}
