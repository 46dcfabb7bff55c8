import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import type { RunQueue } from "../../../../services/trainer/runs/run-queue.ts";
import { createUpstreamTrigger } from "../../../../services/trainer/triggers/upstream-trigger.ts";
import { draft, model, release, verdict } from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";
import {
  benchPipeline,
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  type TrainerBench,
  until,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
let ending: AbortController;
let running: Promise<void>[];
beforeEach(async () => {
  bench = await openTrainerBench();
  ending = new AbortController();
  running = [];
});
afterEach(async () => {
  ending.abort();
  await Promise.all(running);
  await bench.close();
});

const quick = team({ steps: 3, train: { when: "on-upstream" } });
let announced = 0;
beforeEach(() => {
  announced = 0;
});

/** Publishes a snapshot of m1. @returns the position of its announcement */
async function publish(): Promise<number> {
  await bench.publish("m1");
  return ++announced;
}

/** Starts a trigger that takes announcements by position. @param name of the store they belong to */
function triggerOf(queue: RunQueue, name = "first") {
  const trigger = createUpstreamTrigger({
    pipeline: benchPipeline,
    team: quick,
    backplane: bench.backplane,
    view: bench.view,
    queue,
    store: bench.store,
    clock: systemClock,
    log: silentLog,
  });
  running.push(trigger.run(ending.signal));
  return { ...trigger, announced: (position: number) => trigger.changed({ store: name, position }) };
}

/** Waits until at least `count` runs were queued and all have ended. */
async function runs(queue: RunQueue, count: number) {
  for (;;) {
    const seen = queue.changed.count;
    const known = queue.runs();
    if (known.length >= count) {
      for (const { run } of known) await ended(queue, run.id);
      return queue.runs().map(({ run }) => run);
    }
    await queue.changed.waitBeyond(seen, ending.signal);
  }
}

const handled = async (position: number) => {
  while (((await bench.store.announcementSeen())?.position ?? 0) < position)
    await new Promise((resolve) => setTimeout(resolve, 5));
};

describe("an upstream snapshot", () => {
  test("queues a run that trains on it", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const trigger = triggerOf(queue);
    trigger.announced(await publish());
    expect(await runs(queue, 1)).toMatchObject([{ trigger: "upstream", state: "succeeded", upstream: { m1: 1 } }]);
    trigger.announced(await publish());
    expect(await runs(queue, 2)).toMatchObject([{ upstream: { m1: 2 } }, { upstream: { m1: 1 } }]);
  });

  test("shares one run with the other announcements that arrive before the run starts", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train);
    await publish();
    const first = await queue.submit({ trigger: "request", team: quick });
    await until(queue, first.id, ({ upstream }) => upstream.m1 !== undefined);
    const trigger = triggerOf(queue);
    for (let i = 0; i < 5; i++) {
      const position = await publish();
      trigger.announced(position);
      await handled(position);
    }
    expect(queue.queued()).toBe(1);
    held.open();
    expect(await runs(queue, 2)).toMatchObject([
      { trigger: "upstream", upstream: { m1: 6 }, snapshot: 2 },
      { trigger: "request", upstream: { m1: 1 }, snapshot: 1 },
    ]);
  });

  test("queues a run in a store that was restored from a backup of before what was handled last", async () => {
    await bench.store.saveAnnouncementSeen({ store: "first", position: 7 });
    const queue = await bench.queue(fakeTraining().train);
    triggerOf(queue).announced(await publish());
    expect(await runs(queue, 1)).toMatchObject([{ trigger: "upstream", upstream: { m1: 1 } }]);
    while ((await bench.store.announcementSeen())?.position !== 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("queues nothing if the newest own snapshot was trained on it", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const position = await publish();
    await ended(queue, (await queue.submit({ trigger: "request", team: quick })).id);
    triggerOf(queue).announced(position);
    await handled(position);
    expect(queue.runs()).toHaveLength(1);
  });

  test("queues nothing if the newest own snapshot was trained on the champion, which is a different snapshot", async () => {
    const queue = await bench.queue(fakeTraining().train);
    await publish();
    await bench.backplane.registry.setAlias("m1", "champion", 1, null, "test");
    await ended(queue, (await queue.submit({ trigger: "request", team: quick })).id);
    const position = await publish();
    triggerOf(queue).announced(position);
    await handled(position);
    expect(queue.runs()).toHaveLength(1);
  });

  test("that a run is training on queues another run if that one fails", async () => {
    const held = gate();
    let trainings = 0;
    const { train } = fakeTraining();
    const queue = await bench.queue(async (training) => {
      if (++trainings > 1) return train(training);
      await held.passed;
      throw new Error("the first run fails");
    });
    const position = await publish();
    const first = await queue.submit({ trigger: "request", team: quick });
    await until(queue, first.id, ({ upstream }) => upstream.m1 !== undefined);
    const trigger = triggerOf(queue);
    trigger.announced(position);
    held.open();
    expect(await runs(queue, 2)).toMatchObject([
      { trigger: "upstream", state: "succeeded" },
      { trigger: "request", state: "failed" },
    ]);
  });

  test("waits until the queue has room", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train);
    const position = await publish();
    for (let i = 0; i < 9; i++) {
      const { id } = await queue.submit({ trigger: "request", team: team({ steps: 1 }) });
      if (i === 0) await until(queue, id, ({ state }) => state === "running");
    }
    await publish();
    triggerOf(queue).announced(position + 1);
    held.open();
    const all = await runs(queue, 9);
    expect(all.length).toBeGreaterThanOrEqual(9);
    await handled(position + 1);
    const newest = await bench.backplane.registry.latest("m2");
    expect(newest?.provenance.upstream).toEqual({ m1: 2 });
  });
});

describe("a moment", () => {
  test("at which the champion moves queues a run that trains on it", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const trigger = triggerOf(queue);
    await publish();
    trigger.announced(await publish());
    expect(await runs(queue, 1)).toMatchObject([{ upstream: { m1: 2 } }]);
    await bench.backplane.registry.setAlias("m1", "champion", 1, null, "test");
    trigger.changed({ store: "first", position: 2, alias: 1 });
    expect(await runs(queue, 2)).toMatchObject([{ trigger: "upstream", upstream: { m1: 1 } }, {}]);
    // Back to where it was: the newest own snapshot was trained on another one.
    await bench.backplane.registry.setAlias("m1", "champion", 2, 1, "test");
    trigger.changed({ store: "first", position: 2, alias: 2 });
    expect(await runs(queue, 3)).toMatchObject([{ upstream: { m1: 2 } }, {}, {}]);
  });

  test("at which a release moves an upstream queues a run that trains on it, and nothing else does", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const trigger = triggerOf(queue);
    const { ledger } = bench.backplane;
    for (let count = 0; count < 3; count++) await publish();
    await ledger.append(release(1, { composition: { m1: 2 } }));
    trigger.changed({ store: "first", position: 3, release: 1 });
    expect(await runs(queue, 1)).toMatchObject([{ trigger: "upstream", upstream: { m1: 2 } }]);
    await ledger.append(release(2, { composition: { m1: 1 } }));
    trigger.changed({ store: "first", position: 3, release: 2 });
    expect(await runs(queue, 2)).toMatchObject([{ upstream: { m1: 1 } }, {}]);
    // A later position with the same release is handled already.
    trigger.changed({ store: "first", position: 9, verdict: 9, alias: 9, release: 2 });
    await ledger.append(release(3, { composition: { m1: 3 } }));
    trigger.changed({ store: "first", position: 9, release: 3 });
    expect(await runs(queue, 3)).toMatchObject([{ upstream: { m1: 3 } }, {}, {}]);
    while ((await bench.store.announcementSeen())?.release !== 3)
      await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("at which a verdict arrives queues a run; one before it waits if nothing else is judged", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const trigger = triggerOf(queue);
    await bench.publish("m1");
    await bench.backplane.registry.publish(draft({ component: "m1" }), model(2), "any");
    trigger.changed({ store: "first", position: 2, verdict: 1 });
    expect(await runs(queue, 1)).toMatchObject([{ state: "succeeded", upstream: { m1: 1 } }]);
    await bench.backplane.verdicts.append(verdict("m1", 2));
    trigger.changed({ store: "first", position: 2, verdict: 2 });
    expect(await runs(queue, 2)).toMatchObject([{ upstream: { m1: 2 } }, {}]);
    expect(await bench.store.announcementSeen()).toMatchObject({ position: 2 });
  });
});

describe("after a restart", () => {
  test("missed announcements are handled, and handled ones are not repeated", async () => {
    const before = await bench.queue(fakeTraining().train);
    triggerOf(before).announced(await publish());
    await runs(before, 1);
    await handled(1);
    ending.abort();
    await Promise.all(running);
    await before.stop();
    ending = new AbortController();
    running = [];

    const missed = await publish();
    const after = await bench.queue(fakeTraining().train);
    const trigger = triggerOf(after);
    // The registry replays all announcements from the first.
    for (let position = 1; position <= missed; position++) trigger.announced(position);
    expect(await runs(after, 2)).toMatchObject([{ upstream: { m1: 2 } }, { upstream: { m1: 1 } }]);
  });

  test("a release is handled once, and again after a backup of before it was restored", async () => {
    await publish();
    await bench.backplane.ledger.append(release(1, { composition: { m1: 1 } }));
    await bench.store.saveAnnouncementSeen({ store: "first", position: 1, release: 1 });
    const queue = await bench.queue(fakeTraining().train);
    triggerOf(queue).changed({ store: "first", position: 1, release: 1 });
    await publish();
    await bench.backplane.ledger.append(release(2, { composition: { m1: 2 } }));
    triggerOf(queue).changed({ store: "first", position: 2, release: 2 });
    expect(await runs(queue, 1)).toMatchObject([{ upstream: { m1: 2 } }]);
    ending.abort();
    await Promise.all(running);
    ending = new AbortController();
    running = [];

    await bench.store.saveAnnouncementSeen({ store: "first", position: 2, release: 5 });
    await bench.backplane.ledger.append(release(3, { composition: { m1: 1 } }));
    triggerOf(queue).changed({ store: "first", position: 2, release: 3 });
    expect(await runs(queue, 2)).toMatchObject([{ upstream: { m1: 1 } }, { upstream: { m1: 2 } }]);
  });

  test("with a new store, announcements are handled from its first", async () => {
    const before = await bench.queue(fakeTraining().train);
    for (let position = 0; position < 3; position++) await publish();
    triggerOf(before).announced(3);
    await runs(before, 1);
    await handled(3);
    ending.abort();
    await Promise.all(running);
    await before.stop();
    ending = new AbortController();
    running = [];

    await publish();
    const after = await bench.queue(fakeTraining().train);
    triggerOf(after, "second").announced(1);
    expect(await runs(after, 2)).toMatchObject([{ upstream: { m1: 4 } }, { upstream: { m1: 3 } }]);
  });

  test("an announcement whose run was queued is not handled twice, even if its position was not stored", async () => {
    const forgetful = { ...bench.store, saveAnnouncementSeen: () => new Promise<void>(() => {}) };
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const before = await bench.queue(train);
    running = [];
    const trigger = createUpstreamTrigger({
      pipeline: benchPipeline,
      team: quick,
      backplane: bench.backplane,
      view: bench.view,
      queue: before,
      store: forgetful,
      clock: systemClock,
      log: silentLog,
    });
    void trigger.run(ending.signal);
    trigger.changed({ store: "first", position: await publish() });
    while (before.runs()[0]?.pins == null) await new Promise((resolve) => setTimeout(resolve, 2));
    await before.stop().catch(() => {});

    const after = await bench.queue(fakeTraining().train);
    triggerOf(after).announced(1);
    await handled(1);
    expect(await runs(after, 1)).toHaveLength(1);
  });
});
