import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createLocalRunner } from "../../services/learning/units/local-runner.ts";
import type { CliProcess } from "../helpers/spawn-cli.ts";
import { type RepeatableTraining, repeatableTraining } from "../helpers/unit-training.ts";
import { FLEET_POINTS, type Fleet, type FleetOptions, isProbe, openFleet } from "../helpers/worker-fleet.ts";

let training: RepeatableTraining;
let oracle: string;
let fleet: Fleet;

beforeAll(async () => {
  // States of five chunks; the last round is short.
  const plan = { slots: 6, syncEvery: 20 };
  training = await repeatableTraining({ widths: [100, 1000, 100], batch: 16, rows: 60, steps: 90, plan });
  oracle = await training.run(createLocalRunner(systemClock));
});
afterEach(async () => {
  const { counters, inFlight } = fleet.coordinator.metrics();
  const { leased, applied, duplicate, stale, refused, lost, returned, quarantined } = counters;
  await fleet.close();
  expect(leased).toBe(applied + duplicate + stale + refused + lost + returned + inFlight);
  expect(quarantined).toBe(0);
});

async function open(options: FleetOptions = {}): Promise<void> {
  fleet = await openFleet({ beatMs: 100 }, { cpus: 1, ...options });
}

const applied = () => fleet.coordinator.metrics().counters.applied;

/** Trains until something is true, and once more. @returns how often */
async function trainUntil(done: () => boolean): Promise<number> {
  for (let trainings = 1; ; trainings++) {
    const last = done();
    expect(await training.run(fleet.coordinator, { audit: 0.05 })).toBe(oracle);
    if (last) return trainings;
  }
}

describe.each(FLEET_POINTS)("a worker that is killed at the point %s", (point) => {
  test("changes no bit, and its successor goes on", async () => {
    let victim: CliProcess | undefined;
    let killed = false;
    await open({
      at: async (reached, name) => {
        if (reached !== point || name !== "victim" || killed) return;
        killed = true;
        victim?.child.kill("SIGKILL");
        await victim?.ended;
      },
    });
    fleet.start("other");
    await fleet.present(1);
    victim = fleet.start("victim");
    await trainUntil(() => killed);
    fleet.start("victim");
    await fleet.present(2);
    const before = fleet.ran.length;
    await trainUntil(() => fleet.ran.slice(before).some(({ by }) => by === "worker"));
    expect(applied() % training.units).toBe(0);
  });
});

test("a worker that is stopped for 20 seconds and continued sends stale results, and changes no bit", async () => {
  await open();
  const stopped = fleet.start("stopped");
  fleet.start("other");
  await fleet.present(2);
  const leased = fleet.next((event) =>
    event.type === "leased" && event.name === "stopped" && !isProbe(event.lease) ? event : undefined,
  );
  const first = training.run(fleet.coordinator);
  await leased;
  stopped.child.kill("SIGSTOP");
  expect(await first).toBe(oracle);
  const until = systemClock.elapsed() + 20_000;
  await trainUntil(() => systemClock.elapsed() > until);
  expect(fleet.notes).toContainEqual(
    expect.objectContaining({ kind: "lost", name: "stopped", why: "no beat for 5 s" }),
  );
  stopped.child.kill("SIGCONT");
  await fleet.present(2);
  // Its unit was lost or went on as a copy; what it brings now is stale, or the duplicate of what is remembered.
  const { stale, lost } = fleet.coordinator.metrics().counters;
  expect(stale + lost).toBeGreaterThan(0);
  await trainUntil(() => fleet.coordinator.metrics().present === 2);
});

test("workers come and go, 0 -> 8 -> 0 -> 1, and training never pauses", async () => {
  await open();
  const wait = async (count: number) => {
    await fleet.present(count);
    // Each training ends, so none waits for a worker that has gone.
    await trainUntil(() => fleet.coordinator.metrics().present === count);
  };
  await wait(0);
  const eight = Array.from({ length: 8 }, (_, index) => fleet.start(`w${index}`));
  await trainUntil(() => fleet.coordinator.metrics().present === 8);
  const running = training.run(fleet.coordinator);
  await fleet.next((event) => (event.type === "leased" ? event : undefined));
  for (const { child } of eight) child.kill("SIGKILL");
  expect(await running).toBe(oracle);
  await wait(0);
  fleet.start("w9");
  await wait(1);
});

test("a worker of another engine is refused for the class, and a training waits for nobody", async () => {
  await open();
  fleet.start("onnx", { args: ["--engine", "onnx:cpu"] });
  await fleet.present(1);
  await trainUntil(() => fleet.coordinator.metrics().counters.refusedByClass > 0);
  expect(fleet.ran.every(({ by }) => by === "trainer")).toBe(true);
  expect(fleet.notes).toContainEqual(expect.objectContaining({ kind: "not-admitted", name: "onnx", by: "class" }));
});

test("a worker ten times slower than the others makes rounds at most half longer", async () => {
  const seconds = async (slow: boolean): Promise<number> => {
    fleet = await openFleet({ beatMs: 100 }, { cpus: 1 });
    const workers = ["w1", "w2", "w3", "w4"].map((name) => fleet.start(name));
    const [hit] = workers;
    await fleet.present(4);
    await training.run(fleet.coordinator);
    let over = false;
    const slowDown = async () => {
      while (slow && !over) {
        hit?.child.kill("SIGSTOP");
        await systemClock.sleep(90);
        hit?.child.kill("SIGCONT");
        await systemClock.sleep(10);
      }
    };
    const slowing = slowDown();
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      const began = systemClock.elapsed();
      expect(await training.run(fleet.coordinator)).toBe(oracle);
      times.push(systemClock.elapsed() - began);
    }
    over = true;
    await slowing;
    if (slow) expect(fleet.coordinator.metrics().counters.stale).toBeGreaterThan(0);
    else await fleet.close();
    return Math.min(...times);
  };
  const [usual, straggling] = [await seconds(false), await seconds(true)];
  console.log(`round with a straggler: ${(straggling / usual).toFixed(2)} of one without`);
  expect(straggling / usual).toBeLessThan(1.5);
});
