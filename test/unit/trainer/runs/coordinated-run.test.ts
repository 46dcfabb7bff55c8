import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import {
  ended,
  fakeTraining,
  openTrainerBench,
  request,
  type TrainerBench,
  until,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
});
afterEach(() => bench.close());

describe("under sync", () => {
  const sync = { protocol: { name: "sync", parameters: {} } };

  test("one component trains at a time", async () => {
    await bench.publish("m1");
    let training = 0;
    const { train } = fakeTraining(async () => {
      training += 1;
      expect(training).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      training -= 1;
    });
    const m2 = await bench.queue(train);
    const other = await openTrainerBench();
    const m1 = await other.queue(train, { component: "m1", backplane: bench.backplane });
    const first = await m2.submit(request(sync));
    const second = await m1.submit(request({ ...sync, component: "m1" }));
    expect(await ended(m2, first.id)).toMatchObject({ state: "succeeded" });
    expect(await ended(m1, second.id)).toMatchObject({ state: "succeeded" });
    await other.close();
  });

  test("snapshots are pinned after the lease is acquired, not before", async () => {
    await bench.publish("m1");
    const lease = await bench.backplane.leases.acquire("train", "m1", new AbortController().signal);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request(sync));
    await until(queue, id, ({ state }) => state === "waiting");
    await bench.publish("m1");
    await lease.release();
    expect(await ended(queue, id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("losing the lease stops the training, which resumes once the lease is reacquired", async () => {
    await bench.publish("m1");
    const losing = new AbortController();
    let leases = 0;
    const held = {
      async acquire() {
        leases += 1;
        const lost = leases === 1 ? losing.signal : new AbortController().signal;
        return { lost, release: async () => {} };
      },
      holder: async () => undefined,
    };
    const { train, trainings } = fakeTraining(async (at) => {
      if (at === 3) losing.abort(new UncoupleError("unavailable", "lost the lease train"));
    });
    const queue = await bench.queue(train, { backplane: { ...bench.backplane, leases: held } });
    const { id } = await queue.submit(request(sync));
    const states: string[] = [];
    for await (const { state } of queue.watch(id, new AbortController().signal)) {
      if (states.at(-1) !== state) states.push(state);
    }
    expect(states.filter((state) => state !== "queued")).toEqual([
      "waiting",
      "running",
      "waiting",
      "running",
      "publishing",
      "succeeded",
    ]);
    expect(trainings.map(({ resume }) => resume?.step)).toEqual([undefined, 4]);
    expect(await bench.bytesOf(1)).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
  });
});

describe("a lease that is lost while a snapshot is read", () => {
  test("is reacquired, whatever error the read throws", async () => {
    await bench.publish("m1");
    const losing = new AbortController();
    let leases = 0;
    const held = {
      async acquire() {
        leases += 1;
        return { lost: leases === 1 ? losing.signal : new AbortController().signal, release: async () => {} };
      },
      holder: async () => undefined,
    };
    const queue = await bench.queue(fakeTraining().train, {
      backplane: { ...bench.backplane, leases: held },
      load: async () => {
        if (leases === 1) {
          losing.abort(new UncoupleError("unavailable", "lost the lease train"));
          throw new UncoupleError("cancelled", "stopped reading m1@1");
        }
        return { predict: async () => new Float32Array(4), dispose: async () => {} };
      },
    });
    const { id } = await queue.submit(request({ protocol: { name: "sync", parameters: {} } }));
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded" });
    expect(leases).toBe(2);
  });
});
