import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { triggerAtIntervals } from "../../../../services/trainer/triggers/interval-trigger.ts";
import { silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";
import { fakeTraining, gate, openTrainerBench, type TrainerBench } from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
let ending: AbortController;
beforeEach(async () => {
  bench = await openTrainerBench();
  ending = new AbortController();
});
afterEach(async () => {
  ending.abort();
  await bench.close();
});

const own = team({ component: "m1", steps: 1 });

describe("training at an interval", () => {
  test("queues a run again and again", async () => {
    const queue = await bench.queue(fakeTraining().train, { component: "m1" });
    const triggering = triggerAtIntervals(0.01, own, queue, ending.signal, silentLog);
    for (;;) {
      const seen = queue.changed.count;
      if (queue.runs().filter(({ run }) => run.state === "succeeded").length >= 3) break;
      await queue.changed.waitBeyond(seen, ending.signal);
    }
    expect(new Set(queue.runs().map(({ run }) => run.trigger))).toEqual(new Set(["interval"]));
    ending.abort();
    await triggering;
  });

  test("queues no second run while one has not ended", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train, { component: "m1" });
    const triggering = triggerAtIntervals(0.005, own, queue, ending.signal, silentLog);
    while (queue.runs().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(queue.runs()).toHaveLength(1);
    held.open();
    ending.abort();
    await triggering;
  });

  test("does not begin anew after a restart", async () => {
    const before = await bench.queue(fakeTraining().train, { component: "m1" });
    const first = triggerAtIntervals(3600, own, before, ending.signal, silentLog);
    while (before.runs()[0]?.run.state !== "succeeded") await new Promise((resolve) => setTimeout(resolve, 2));
    ending.abort();
    await first;
    await before.stop();

    ending = new AbortController();
    const after = await bench.queue(fakeTraining().train, { component: "m1" });
    const second = triggerAtIntervals(3600, own, after, ending.signal, silentLog);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(after.runs()).toHaveLength(1);
    ending.abort();
    await second;
  });
});
