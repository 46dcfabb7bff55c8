import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { SnapshotManifest } from "../../../../services/pipeline/manifest.ts";
import type { Run } from "../../../../services/pipeline/run.ts";
import { createRunQueue, type RunJob } from "../../../../services/trainer/runs/run-queue.ts";
import { createRunStore, type RunStore } from "../../../../services/trainer/runs/run-store.ts";
import * as make from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";

let folder: string;
let store: RunStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-queue-"));
  store = createRunStore(folder, silentLog);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const request = { trigger: "request", team: team() } as const;
const never = new AbortController().signal;
const manifest = (serial: number) => make.manifest(serial, { component: "m2" });

/** Runs that end when the test ends them. */
function manual() {
  const jobs: { readonly job: RunJob; finish(serial: number): void; fail(error: unknown): void }[] = [];
  const execute = (job: RunJob) =>
    new Promise<SnapshotManifest>((resolve, reject) => {
      job.signal.addEventListener("abort", () => reject(new UncoupleError("cancelled", "stopped")));
      if (job.signal.aborted) reject(new UncoupleError("cancelled", "stopped"));
      job.show({ state: "running" });
      jobs.push({ job, finish: (serial) => resolve(manifest(serial)), fail: reject });
    });
  return { jobs, execute };
}

async function queueWith(execute: (job: RunJob) => Promise<SnapshotManifest>, change = {}) {
  const queue = createRunQueue(
    { component: "m2", capacity: 8, retained: 100, ...change },
    { store, execute, clock: systemClock, log: silentLog },
  );
  await queue.start();
  return queue;
}

async function ended(queue: ReturnType<typeof createRunQueue>, id: string): Promise<Run> {
  let last: Run | undefined;
  for await (const run of queue.watch(id, never)) last = run;
  return last as Run;
}

async function inState(queue: ReturnType<typeof createRunQueue>, id: string, state: Run["state"]): Promise<void> {
  for await (const run of queue.watch(id, never)) if (run.state === state) return;
}

describe("the run queue", () => {
  test("executes one run at a time, in order of arrival", async () => {
    const order: string[] = [];
    let running = 0;
    const queue = await queueWith(async (job) => {
      running += 1;
      expect(running).toBe(1);
      order.push(job.stored().run.id);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return manifest(order.length);
    });
    const runs = await Promise.all([queue.submit(request), queue.submit(request), queue.submit(request)]);
    for (const [i, { id }] of runs.entries()) {
      expect(await ended(queue, id)).toMatchObject({ state: "succeeded", snapshot: i + 1 });
    }
    expect(order).toEqual(runs.map(({ id }) => id));
    expect(queue.runs().map(({ run }) => run.id)).toEqual(order.reverse());
    await queue.stop();
  });

  test("rejects runs beyond its capacity, even when submitted concurrently, and accepts more once there is room", async () => {
    const { jobs, execute } = manual();
    const queue = await queueWith(execute, { capacity: 2 });
    const first = await queue.submit(request);
    await inState(queue, first.id, "running");
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => queue.submit(request)));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
    expect(outcomes[3]).toMatchObject({
      reason: { code: "resource-exhausted", message: expect.stringContaining("2 runs waiting") },
    });
    jobs[0]?.finish(1);
    await ended(queue, first.id);
    await inState(queue, (outcomes[0] as PromiseFulfilledResult<Run>).value.id, "running");
    await queue.submit(request);
    await queue.stop();
  });

  test("reports why a run failed", async () => {
    const { jobs, execute } = manual();
    const queue = await queueWith(execute);
    const { id } = await queue.submit(request);
    await inState(queue, id, "running");
    jobs[0]?.fail(new UncoupleError("conflict", "m2@4 came first"));
    expect(await ended(queue, id)).toMatchObject({
      state: "failed",
      error: { code: "conflict", message: "m2@4 came first" },
      finishedAt: expect.any(String),
    });
    await queue.stop();
  });

  test("cancels a queued run immediately and a running one at its next step", async () => {
    const { execute } = manual();
    const queue = await queueWith(execute);
    const running = await queue.submit(request);
    const queued = await queue.submit(request);
    await inState(queue, running.id, "running");
    expect(await queue.cancel(queued.id)).toMatchObject({ state: "cancelled" });
    expect(queue.queued()).toBe(0);
    await queue.cancel(running.id);
    expect(await ended(queue, running.id)).toMatchObject({ state: "cancelled" });
    expect(await queue.cancel(running.id)).toMatchObject({ state: "cancelled" });
    await queue.stop();
  });

  test("does not cancel a run that has published", async () => {
    const queue = await queueWith(async () => manifest(3));
    const { id } = await queue.submit(request);
    await ended(queue, id);
    await expect(queue.cancel(id)).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("m2@3"),
    });
    await queue.stop();
  });

  test("rejects an unknown run id", async () => {
    const queue = await queueWith(async () => manifest(1));
    expect(() => queue.get("nobody")).toThrowError(/no run "nobody"/);
    await expect(queue.cancel("nobody")).rejects.toMatchObject({ code: "not-found" });
    await expect(queue.watch("nobody", never)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "not-found",
    });
    await queue.stop();
  });

  test("resumes the interrupted run first after a restart, then the queued ones", async () => {
    const { execute } = manual();
    const before = await queueWith(execute);
    const first = await before.submit(request);
    const second = await before.submit(request);
    await inState(before, first.id, "running");
    await before.stop();
    expect(before.get(first.id).run.state).toBe("running");

    const order: string[] = [];
    store = createRunStore(folder, silentLog);
    const after = await queueWith(async (job) => {
      order.push(job.stored().run.id);
      return manifest(order.length);
    });
    const third = await after.submit(request);
    for (const { id } of [first, second, third]) expect(await ended(after, id)).toMatchObject({ state: "succeeded" });
    expect(order).toEqual([first.id, second.id, third.id]);
    await after.stop();
  });

  test("completes a cancel that a crash interrupted", async () => {
    const stuck = await queueWith(() => new Promise(() => {}));
    const { id } = await stuck.submit(request);
    await new Promise((resolve) => setTimeout(resolve, 5));
    // The trainer crashes here: the job never returns.
    const first = stuck.get(id);
    await store.save({ ...first, run: { ...first.run, state: "running" }, cancelRequested: true });

    store = createRunStore(folder, silentLog);
    const { execute } = manual();
    const queue = await queueWith(execute);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
    await queue.stop();
  });

  test("ends a watch with `unavailable` when the trainer stops before the run", async () => {
    const { execute } = manual();
    const queue = await queueWith(execute);
    const { id } = await queue.submit(request);
    const watched = ended(queue, id);
    await inState(queue, id, "running");
    const refused = expect(watched).rejects.toMatchObject({ code: "unavailable" });
    await queue.stop();
    await refused;
    await expect(queue.submit(request)).rejects.toMatchObject({ code: "failed-precondition" });
  });

  test("lets a slow watcher skip states, but never the last", async () => {
    const { jobs, execute } = manual();
    const queue = await queueWith(execute);
    const { id } = await queue.submit(request);
    const reader = queue.watch(id, never)[Symbol.asyncIterator]();
    await reader.next();
    await inState(queue, id, "running");
    for (let step = 1; step <= 1000; step++) jobs[0]?.job.show({ step });
    jobs[0]?.finish(1);
    await ended(queue, id);
    const seen: Run[] = [];
    for (let next = await reader.next(); !next.done; next = await reader.next()) seen.push(next.value);
    expect(seen.length).toBeLessThan(3);
    expect(seen.at(-1)).toMatchObject({ state: "succeeded", step: 1000 });
    await queue.stop();
  });

  test("ends a watch without an error when its signal aborts", async () => {
    const { execute } = manual();
    const queue = await queueWith(execute);
    const { id } = await queue.submit(request);
    const leaving = new AbortController();
    const states: string[] = [];
    for await (const run of queue.watch(id, leaving.signal)) {
      states.push(run.state);
      if (run.state === "running") leaving.abort();
    }
    expect(states.at(-1)).toBe("running");
    await queue.stop();
  });

  test("deletes the oldest ended runs", async () => {
    let serial = 0;
    const queue = await queueWith(async () => manifest(++serial), { retained: 2 });
    for (let i = 0; i < 4; i++) await ended(queue, (await queue.submit(request)).id);
    await queue.stop();
    expect(queue.runs().map(({ run }) => run.snapshot)).toEqual([4, 3]);
    expect(await store.load()).toHaveLength(2);
  });

  test("rejects a run that cannot be stored", async () => {
    const queue = createRunQueue(
      { component: "m2", capacity: 1, retained: 1 },
      {
        store: { ...store, save: () => Promise.reject(new UncoupleError("resource-exhausted", "the disk is full")) },
        execute: async () => manifest(1),
        clock: systemClock,
        log: silentLog,
      },
    );
    await queue.start();
    for (let i = 0; i < 2; i++) await expect(queue.submit(request)).rejects.toThrow("the disk is full");
    expect(queue.runs()).toEqual([]);
    expect(queue.queued()).toBe(0);
    await queue.stop();
  });
});

describe("a full disk", () => {
  test("does not keep a cancelled run going", async () => {
    const full = new UncoupleError("resource-exhausted", "the disk is full");
    let broken = false;
    const { jobs, execute } = manual();
    const queue = createRunQueue(
      { component: "m2", capacity: 8, retained: 100 },
      {
        store: { ...store, save: (run) => (broken ? Promise.reject(full) : store.save(run)) },
        execute,
        clock: systemClock,
        log: silentLog,
      },
    );
    await queue.start();
    const { id } = await queue.submit(request);
    while (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    broken = true;
    await expect(queue.cancel(id)).rejects.toBe(full);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
    await queue.stop();
  });
});
