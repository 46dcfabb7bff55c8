import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { hasEnded } from "../../../../services/pipeline/run.ts";
import type { RunQueue } from "../../../../services/trainer/runs/run-queue.ts";
import { triggerAtIntervals } from "../../../../services/trainer/triggers/interval-trigger.ts";
import { silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";
import { fakeTraining, gate, openTrainerBench, type TrainerBench } from "../../../helpers/trainer-bench.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-11-20T08:00:00Z");

let clock: VirtualClock;
let bench: TrainerBench;
let ending: AbortController;
beforeEach(async () => {
  clock = createVirtualClock(START);
  bench = await openTrainerBench(clock);
  ending = new AbortController();
});
afterEach(async () => {
  ending.abort();
  await bench.close();
});

const own = team({ component: "m1", steps: 1 });
const trigger = (queue: RunQueue, seconds = 3600, by = clock) =>
  triggerAtIntervals(seconds, { team: own, queue, clock: by, log: silentLog }, ending.signal);

/** Waits until at least `count` runs were queued and all have ended. */
async function runs(queue: RunQueue, count: number): Promise<void> {
  for (;;) {
    const seen = queue.changed.count;
    const known = queue.runs();
    if (known.length >= count && known.every(({ run }) => hasEnded(run))) return;
    await queue.changed.waitBeyond(seen, ending.signal);
  }
}

describe("training at an interval", () => {
  test("queues a run immediately, then one per interval", async () => {
    const queue = await bench.queue(fakeTraining().train, { component: "m1" });
    const triggering = trigger(queue);
    for (let count = 1; count <= 3; count++) {
      await clock.advance(0);
      await runs(queue, count);
      await clock.advance(HOUR - 1);
      expect(queue.runs()).toHaveLength(count);
      await clock.advance(1);
    }
    await runs(queue, 4);
    expect(queue.runs().map(({ run }) => [run.trigger, run.queuedAt])).toEqual([
      ["interval", "2026-11-20T11:00:00.000Z"],
      ["interval", "2026-11-20T10:00:00.000Z"],
      ["interval", "2026-11-20T09:00:00.000Z"],
      ["interval", "2026-11-20T08:00:00.000Z"],
    ]);
    ending.abort();
    await triggering;
    expect(clock.pending).toBe(0);
  });

  test("does not queue a run while the previous one is unfinished", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train, { component: "m1" });
    const triggering = trigger(queue);
    while (queue.runs().length === 0) await clock.advance(0);
    await clock.advance(20 * HOUR);
    expect(queue.runs()).toHaveLength(1);
    held.open();
    await runs(queue, 1);
    await clock.advance(HOUR);
    await runs(queue, 2);
    ending.abort();
    await triggering;
  });

  test("continues the interval after a restart", async () => {
    const before = await bench.queue(fakeTraining().train, { component: "m1" });
    const first = trigger(before);
    await clock.advance(0);
    await runs(before, 1);
    ending.abort();
    await first;
    await before.stop();
    await clock.advance(0.25 * HOUR);

    ending = new AbortController();
    const after = await bench.queue(fakeTraining().train, { component: "m1" });
    const second = trigger(after);
    await clock.advance(0.75 * HOUR - 1);
    expect(after.runs()).toHaveLength(1);
    await clock.advance(1);
    await runs(after, 2);
    ending.abort();
    await second;
  });

  test("waits at most one interval after the clock was set back", async () => {
    const before = await bench.queue(fakeTraining().train, { component: "m1" });
    const first = trigger(before);
    await clock.advance(0);
    await runs(before, 1);
    ending.abort();
    await first;
    await before.stop();

    ending = new AbortController();
    const setBack = createVirtualClock(START - 30 * 24 * HOUR);
    const after = await bench.queue(fakeTraining().train, { component: "m1" });
    const second = trigger(after, 3600, setBack);
    await setBack.advance(HOUR);
    await runs(after, 2);
    ending.abort();
    await second;
  });
});
