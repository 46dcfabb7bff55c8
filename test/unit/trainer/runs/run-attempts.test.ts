import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_ATTEMPTS } from "../../../../services/trainer/runs/run-attempts.ts";
import type { RunQueue } from "../../../../services/trainer/runs/run-queue.ts";
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
  await bench.publish("m1");
});
afterEach(() => bench.close());

const attemptsOnDisk = async (id: string): Promise<number> =>
  JSON.parse(await readFile(join(bench.folder, "runs", id, "run.json"), "utf8")).attempts;
/** Leaves the record of a run as the deaths of its trainer would. */
async function recordDeaths(queue: RunQueue, id: string, attempts: number): Promise<void> {
  await queue.stop();
  await bench.store.save({ ...queue.get(id), attempts });
}

/** A training that begins, and does nothing until it is told to stop. @param at the step at which it does */
function stuck(at = 0) {
  const reached = gate();
  const { train } = fakeTraining(async (step) => {
    if (step < at) return;
    reached.open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (step > at) await new Promise((resolve) => setTimeout(resolve, 1_000));
  });
  return { train, begun: reached.passed };
}

describe("attempts at a run", () => {
  test("are on disk before they start, and deliberate stops take them off again", async () => {
    let id: string | undefined;
    for (let stop = 0; stop < MAX_ATTEMPTS + 1; stop++) {
      const begun = gate();
      const queue = await bench.queue((training) => {
        begun.open();
        return new Promise((_, reject) => {
          training.signal?.addEventListener("abort", () => reject(training.signal?.reason));
        });
      });
      id ??= (await queue.submit(request())).id;
      await begun.passed;
      expect(await attemptsOnDisk(id)).toBe(1);
      await queue.stop();
      expect(await attemptsOnDisk(id)).toBe(0);
    }
    expect(await ended(await bench.queue(fakeTraining().train), id as string)).toMatchObject({ state: "succeeded" });
  });

  test("are taken off at the moment of a stop, which may be forced before the training responds", async () => {
    const begun = gate();
    const respond = gate();
    const queue = await bench.queue(async () => {
      begun.open();
      await respond.passed;
      throw new Error("stopped");
    });
    const { id } = await queue.submit(request());
    await begun.passed;
    const stopping = queue.stop();
    await vi.waitUntil(async () => (await attemptsOnDisk(id)) === 0, 10_000);
    respond.open();
    await stopping;
  });

  test("that are as many as allowed fail the run when it is restored, and the next run executes", async () => {
    const { train, begun } = stuck();
    const before = await bench.queue(train);
    const { id } = await before.submit(request());
    const next = await before.submit(request());
    await begun;
    await recordDeaths(before, id, MAX_ATTEMPTS);
    const after = fakeTraining();
    const queue = await bench.queue(after.train);
    expect(await ended(queue, id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("died 3 times during this run") },
    });
    expect(await ended(queue, next.id)).toMatchObject({ state: "succeeded" });
    expect(after.trainings).toHaveLength(1);
  });

  test("start again at one when a checkpoint has been written", async () => {
    const first = stuck();
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await first.begun;
    await recordDeaths(before, id, MAX_ATTEMPTS - 1);
    const second = stuck(2);
    const after = await bench.queue(second.train);
    await second.begun;
    await vi.waitUntil(async () => (await attemptsOnDisk(id)) === 0, 10_000);
    await after.stop();
  });

  test("do not count against a run that published in its last attempt", async () => {
    const { registry } = bench.backplane;
    const published = gate();
    const before = await bench.queue(
      fakeTraining().train,
      bench.registryWith({
        publish: async (...parameters) => {
          await registry.publish(...parameters);
          published.open();
          return new Promise((_, reject) => parameters[3]?.addEventListener("abort", () => reject(new Error("dead"))));
        },
      }),
    );
    const { id } = await before.submit(request());
    await published.passed;
    await recordDeaths(before, id, MAX_ATTEMPTS);
    const after = fakeTraining();
    expect(await ended(await bench.queue(after.train), id)).toMatchObject({ state: "succeeded", snapshot: 1 });
    expect(after.trainings).toEqual([]);
  });
});
