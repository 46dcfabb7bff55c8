import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { snapshotName } from "../../../../services/pipeline/manifest.ts";
import { createRunPins } from "../../../../services/trainer/runs/run-pins.ts";
import { tombstone } from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";
import {
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  request,
  type TrainerBench,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
});
afterEach(() => bench.close());

const pinned = async () => (await bench.backplane.retention.state()).pinned.map(snapshotName).sort();
const bury = async (serial: number) => {
  const { retention } = bench.backplane;
  expect(await retention.delete(tombstone("m1", serial), (await retention.state()).position)).toBe(true);
};
/** A training that stays at a step until the test lets it go on. */
function held() {
  const [reached, go] = [gate(), gate()];
  const training = fakeTraining(async (at) => {
    if (at !== 3) return;
    reached.open();
    await go.passed;
  });
  return { ...training, reached: reached.passed, go: go.open };
}

test("a run pins its upstream and its parent while it trains, and releases them when it has published", async () => {
  await bench.publish("m1");
  const first = await bench.queue(fakeTraining().train);
  await ended(first, (await first.submit(request())).id);
  await first.stop();
  const { train, reached, go } = held();
  const queue = await bench.queue(train);
  const { id } = await queue.submit(request());
  await reached;
  expect(await pinned()).toEqual(["m1@1", "m2@1"]);
  go();
  expect(await ended(queue, id)).toMatchObject({ state: "succeeded" });
  await expect.poll(pinned).toEqual([]);
});

test("a run that is cancelled releases its pins, and one that is interrupted keeps them until it has resumed", async () => {
  await bench.publish("m1");
  const cancelled = held();
  const before = await bench.queue(cancelled.train);
  const first = await before.submit(request());
  await cancelled.reached;
  await before.cancel(first.id);
  cancelled.go();
  await ended(before, first.id);
  await expect.poll(pinned).toEqual([]);
  await before.stop();

  const interrupted = held();
  const during = await bench.queue(interrupted.train);
  const { id } = await during.submit(request());
  await interrupted.reached;
  const stopping = during.stop();
  interrupted.go();
  await stopping;
  expect(await pinned()).toEqual(["m1@1"]);
  const after = await bench.queue(fakeTraining().train);
  expect(await ended(after, id)).toMatchObject({ state: "succeeded", upstream: { m1: 1 } });
  await expect.poll(pinned).toEqual([]);
});

test("a run trains on another snapshot if the one in use is deleted before it is pinned", async () => {
  for (let serial = 1; serial <= 2; serial++) await bench.publish("m1");
  const { retention } = bench.backplane;
  let first = true;
  const pin: typeof retention.pin = async (holder, snapshots, owner) => {
    if (first) await bury(2);
    first = false;
    return retention.pin(holder, snapshots, owner);
  };
  const meddled = { backplane: { ...bench.backplane, retention: { ...retention, pin } } };
  const queue = await bench.queue(fakeTraining().train, meddled);
  expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
    state: "succeeded",
    upstream: { m1: 1 },
  });
});

test("a run that resumes after its pins have ended fails, and names what was deleted", async () => {
  await bench.publish("m1");
  await bench.publish("m1");
  const interrupted = held();
  const before = await bench.queue(interrupted.train);
  const { id } = await before.submit(request());
  await interrupted.reached;
  const stopping = before.stop();
  interrupted.go();
  await stopping;
  await bench.backplane.retention.release(id);
  await bury(2);
  const after = await bench.queue(fakeTraining().train);
  expect(await ended(after, id)).toMatchObject({
    state: "failed",
    error: { code: "deleted", message: expect.stringContaining("m1@2 was deleted on") },
  });
});

test("pins are renewed as the training progresses", async () => {
  const clock = createVirtualClock();
  let calls = 0;
  const retention = {
    pin: async () => void calls++,
    release: async () => {},
  };
  const pins = createRunPins({ component: "m2", retention, unavailableSeconds: 60, clock, log: silentLog });
  const snapshots = { upstream: { m1: 1 }, parent: null };
  await pins.pin("run-1", snapshots);
  for (let hour = 0; hour < 24; hour++) {
    await clock.advance(3_600_000);
    pins.renew("run-1", snapshots);
  }
  expect(calls).toBe(5);
});
