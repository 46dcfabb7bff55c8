import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createPipelineView } from "../../../../services/composition/pipeline-view.ts";
import type { CandidateRun } from "../../../../services/pipeline/release.ts";
import type { Run } from "../../../../services/pipeline/run.ts";
import type { TeamConfig } from "../../../../services/pipeline/team.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import type { RunQueue } from "../../../../services/trainer/runs/run-queue.ts";
import { MAX_TRIES } from "../../../../services/trainer/triggers/candidate-trigger.ts";
import { createTeamTriggers } from "../../../../services/trainer/triggers/team-triggers.ts";
import { draft, model, verdict } from "../../../helpers/drafts.ts";
import { recordingLog } from "../../../helpers/log.ts";
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
let log: ReturnType<typeof recordingLog>;
let leaving: AbortController;
let running: Promise<unknown>[];
beforeEach(async () => {
  bench = await openTrainerBench();
  log = recordingLog();
  // m1@1 is released, and m1@2 is a candidate.
  await bench.publish("m1");
  await bench.publish("m1");
  await release(1, { m1: 1 });
  leaving = new AbortController();
  running = [];
});
afterEach(async () => {
  await leave();
  await bench.close();
});

const at = "2026-11-29T00:00:00.000Z";

async function release(number: number, composition: Composition): Promise<void> {
  const previous = number === 1 ? null : number - 1;
  const cause = { type: "ungated" } as const;
  const base = { version: 1, pipeline: "demo", at, entry: "release", kind: "promote", gate: null } as const;
  await bench.backplane.ledger.append({ ...base, number, composition, previous, cause, pinned: [] });
}

/** Appends a request to train m2 on m1@2. */
async function ask(change: Partial<CandidateRun> = {}): Promise<void> {
  await bench.backplane.ledger.append({
    version: 1,
    pipeline: "demo",
    at,
    entry: "candidate-run",
    id: "m1@2:m2:1",
    state: "requested",
    candidate: { component: "m1", serial: 2 },
    consumer: "m2",
    attempt: 1,
    release: 1,
    upstream: { m1: 2 },
    why: "m1@2 needs m2 retrained on it",
    ...change,
  });
}

/** Starts the triggers of a trainer of m2 with a queue. @param store what they keep of requests; default: the state folder */
function start(queue: RunQueue, change: Partial<TeamConfig> = {}, store = bench.store): void {
  const view = createPipelineView({
    backplane: bench.backplane,
    clock: systemClock,
    onError: () => {},
    onAnnouncement: (announcement) => triggers.onAnnouncement(announcement),
    onLedgerEntry: (entry) => triggers.onLedgerEntry(entry),
  });
  const triggers = createTeamTriggers({
    pipeline: benchPipeline,
    team: team({ steps: 3, cotrain: true, ...change }),
    backplane: bench.backplane,
    view,
    queue,
    store,
    clock: systemClock,
    log: log.log,
  });
  running.push(view.follow(leaving.signal), triggers.run(leaving.signal));
}

async function leave(): Promise<void> {
  leaving.abort();
  await Promise.all(running);
  leaving = new AbortController();
  running = [];
}

/** Waits until that many runs were queued and have ended. @returns them, oldest first */
async function runs(queue: RunQueue, count: number): Promise<readonly Run[]> {
  while (queue.runs().length < count) await queue.changed.waitBeyond(queue.changed.count, leaving.signal);
  for (const { run } of queue.runs()) await ended(queue, run.id);
  return queue
    .runs()
    .map(({ run }) => run)
    .toReversed();
}

/** Asks for another run, of attempt 9, and waits for it: what was asked before was looked at. @returns the runs before it */
async function settled(queue: RunQueue, count: number): Promise<readonly Run[]> {
  await ask({ id: "m1@2:m2:9", attempt: 9 });
  const all = await runs(queue, count + 1);
  expect(all.at(-1)).toMatchObject({ trigger: "candidate", state: "succeeded", upstream: { m1: 2 } });
  return all.slice(0, -1);
}

/** Waits until the trigger on upstream has handled a release. */
async function handled(number: number): Promise<void> {
  while ((await bench.store.announcementSeen())?.release !== number) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const newest = () => bench.backplane.registry.latest("m2");

describe("a gate's request", () => {
  test("is trained with its pins and the seed of its attempt, and the snapshot names it", async () => {
    const queue = await bench.queue(fakeTraining().train);
    start(queue);
    await ask();
    expect(await runs(queue, 1)).toMatchObject([{ trigger: "candidate", state: "succeeded", upstream: { m1: 2 } }]);
    const first = { upstream: { m1: 2 }, candidateRun: "m1@2:m2:1", seed: 7 };
    expect((await newest())?.provenance).toMatchObject(first);
    await ask({ id: "m1@2:m2:3", attempt: 3 });
    await runs(queue, 2);
    expect((await newest())?.provenance).toMatchObject({ candidateRun: "m1@2:m2:3", seed: 9 });
  });

  test("is not for a team that does not co-train, nor for another consumer", async () => {
    const queue = await bench.queue(fakeTraining().train);
    const { cotrain: _, ...plain } = team({ cotrain: true });
    start(queue);
    await ask({ id: "m1@2:m3:1", consumer: "m3" });
    expect(await settled(queue, 0)).toEqual([]);
    await leave();
    const other = await bench.queue(fakeTraining().train);
    const before = other.runs().length;
    const view = createPipelineView({
      backplane: bench.backplane,
      clock: systemClock,
      onError: () => {},
      onLedgerEntry: (entry) => triggers.onLedgerEntry(entry),
    });
    const triggers = createTeamTriggers({
      ...{ pipeline: benchPipeline, team: plain, backplane: bench.backplane, view },
      ...{ queue: other, store: bench.store, clock: systemClock, log: log.log },
    });
    running.push(view.follow(leaving.signal), triggers.run(leaving.signal));
    await ask();
    await view.catchUp(leaving.signal);
    expect(other.runs()).toHaveLength(before);
  });

  test("that is cancelled ends its run, in progress or queued, and a renewed one is trained with its own pins", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train);
    start(queue);
    await ask();
    await ask({ id: "m1@2:m2:2", attempt: 2 });
    while (queue.runs().length < 2) await queue.changed.waitBeyond(queue.changed.count, leaving.signal);
    await until(queue, queue.runs()[1]?.run.id ?? "", ({ upstream }) => upstream.m1 === 2);
    await ask({ state: "cancelled" });
    await ask({ id: "m1@2:m2:2", attempt: 2, state: "cancelled" });
    // A training notices the cancel at its next step.
    while (queue.runs().some(({ run, cancelRequested }) => run.state !== "cancelled" && !cancelRequested)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    held.open();
    expect(await runs(queue, 2)).toMatchObject([{ state: "cancelled" }, { state: "cancelled" }]);
    expect(await newest()).toBeUndefined();
    await ask({ upstream: { m1: 1 }, release: 2 });
    expect((await runs(queue, 3)).at(-1)).toMatchObject({ state: "succeeded", upstream: { m1: 1 } });
  });

  test("is skipped if its candidate is superseded, unless that is itself one of several attempts", async () => {
    await bench.publish("m1");
    const queue = await bench.queue(fakeTraining().train);
    start(queue);
    await ask();
    const { registry, verdicts } = bench.backplane;
    const answer = draft({ component: "m1", provenance: { candidateRun: "m0@2:m1:1" } });
    await registry.publish(answer, model(4), "any");
    await verdicts.append(verdict("m1", 4));
    await bench.publish("m1");
    await ask({ id: "m1@4:m2:1", candidate: { component: "m1", serial: 4 }, upstream: { m1: 4 } });
    expect(await runs(queue, 1)).toMatchObject([{ state: "succeeded", upstream: { m1: 4 } }]);
    expect(log.records).toContainEqual(
      expect.objectContaining({ request: "m1@2:m2:1", message: expect.stringContaining("m1@5 is newer") }),
    );
  });

  test("waits until the queue has room", async () => {
    const held = gate();
    const { train } = fakeTraining(() => held.passed);
    const queue = await bench.queue(train);
    for (let i = 0; i < 9; i++) {
      const { id } = await queue.submit({ trigger: "request", team: team({ steps: 1 }) });
      if (i === 0) await until(queue, id, ({ state }) => state === "running");
    }
    start(queue);
    await ask();
    held.open();
    expect((await runs(queue, 10)).at(-1)).toMatchObject({ trigger: "candidate", state: "succeeded" });
  });

  test("whose runs fail is tried again a few times, and then given up, also after a restart", async () => {
    const { train } = fakeTraining();
    const failing = await bench.queue(async (training) => {
      if (training.team.seed === 7) throw new Error("the machine is too small");
      return train(training);
    });
    start(failing);
    await ask();
    const failed = Array.from({ length: MAX_TRIES }, () => ({ state: "failed", trigger: "candidate" }));
    expect(await runs(failing, MAX_TRIES)).toMatchObject(failed);
    expect(await settled(failing, MAX_TRIES)).toMatchObject(failed);
    const said = log.records.filter(({ level }) => level === "error").map(({ message }) => message);
    expect(said).toEqual([
      `giving up on the request m1@2:m2:1 after ${MAX_TRIES} failed runs, the last with: the machine is too small`,
    ]);
    await leave();
    await failing.stop();
    const after = await bench.queue(train);
    start(after);
    await ask({ id: "m1@2:m2:8", attempt: 8 });
    expect(await runs(after, MAX_TRIES + 2)).toHaveLength(MAX_TRIES + 2);
  });
});

describe("after a restart", () => {
  test("an interrupted run goes on with the request's pins", async () => {
    const reached = gate();
    const before = await bench.queue(
      fakeTraining(async (step) => {
        if (step > 0) reached.open();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }).train,
    );
    start(before, { steps: 50 });
    await ask();
    await reached.passed;
    await leave();
    await before.stop();
    // Meanwhile, the release has moved on; the gate has not renewed its request.
    await bench.publish("m1");
    const after = await bench.queue(fakeTraining().train);
    start(after, { steps: 50 });
    expect(await runs(after, 1)).toMatchObject([{ trigger: "candidate", state: "succeeded", upstream: { m1: 2 } }]);
    expect((await newest())?.provenance).toMatchObject({ candidateRun: "m1@2:m2:1", upstream: { m1: 2 } });
  });

  test("a run whose request was cancelled meanwhile is cancelled", async () => {
    const held = gate();
    const before = await bench.queue(fakeTraining(() => held.passed).train);
    start(before);
    await ask();
    while (before.runs()[0]?.pins == null) await new Promise((resolve) => setTimeout(resolve, 2));
    await leave();
    held.open();
    await before.stop();
    await ask({ state: "cancelled" });
    const again = gate();
    const after = await bench.queue(fakeTraining(() => again.passed).train);
    start(after);
    while (after.runs()[0]?.cancelRequested !== true) await new Promise((resolve) => setTimeout(resolve, 2));
    again.open();
    expect(await runs(after, 1)).toMatchObject([{ state: "cancelled" }]);
    expect(await newest()).toBeUndefined();
  });

  test("a request that a snapshot answers is not trained again, even if the state folder is new", async () => {
    const before = await bench.queue(fakeTraining().train);
    start(before);
    await ask();
    const [first] = await runs(before, 1);
    await leave();
    await before.stop();
    await bench.store.remove(first?.id ?? "");
    const after = await bench.queue(fakeTraining().train);
    start(after, {}, { ...bench.store, candidateSeen: async () => undefined });
    expect(await settled(after, 0)).toEqual([]);
  });

  test("a run that a person cancelled is not started again, even if it is not listed any more", async () => {
    const held = gate();
    const before = await bench.queue(fakeTraining(() => held.passed).train);
    start(before);
    await ask();
    while (before.runs()[0]?.pins == null) await new Promise((resolve) => setTimeout(resolve, 2));
    const id = before.runs()[0]?.run.id ?? "";
    await before.cancel(id);
    held.open();
    expect(await runs(before, 1)).toMatchObject([{ state: "cancelled" }]);
    await leave();
    await before.stop();
    await bench.store.remove(id);
    const after = await bench.queue(fakeTraining().train);
    start(after);
    expect(await settled(after, 0)).toEqual([]);
  });

  test("what is noted of another store, or of later than this one's end, does not count", async () => {
    for (const mark of [
      { store: "another", position: 2 },
      { store: "this", position: 99 },
    ]) {
      const queue = await bench.queue(fakeTraining().train);
      const before = queue.runs().length;
      const [first] = await bench.backplane.registry.list();
      const store = mark.store === "this" ? first?.runId : mark.store;
      start(queue, {}, { ...bench.store, candidateSeen: async () => ({ ...mark, store: store ?? "" }) });
      await ask({ id: `m1@2:m2:${before + 1}`, attempt: before + 1 });
      expect((await runs(queue, before + 1)).at(-1)).toMatchObject({ trigger: "candidate", state: "succeeded" });
      await leave();
      await queue.stop();
    }
  });
});

describe("a team on upstream that co-trains", () => {
  test("does not train again on what it was trained on before it answered candidates", async () => {
    const queue = await bench.queue(fakeTraining().train);
    start(queue, { train: { when: "on-upstream" } });
    expect(await runs(queue, 1)).toMatchObject([{ trigger: "upstream", upstream: { m1: 1 } }]);
    for (const attempt of [1, 2]) await ask({ id: `m1@2:m2:${attempt}`, attempt });
    await runs(queue, 3);
    // The pair is released and rolled back: a snapshot trained on either m1 exists.
    await release(2, { m1: 2, m2: 3 });
    await handled(2);
    await release(3, { m1: 1, m2: 1 });
    await handled(3);
    expect(await settled(queue, 3)).toMatchObject([{ trigger: "upstream" }, {}, {}]);
  });

  test("does not train again when its answer is released with the candidate, and does on the next upstream", async () => {
    const queue = await bench.queue(fakeTraining().train);
    start(queue, { train: { when: "on-upstream" } });
    await runs(queue, 1);
    await ask();
    await runs(queue, 2);
    await release(2, { m1: 2, m2: 2 });
    await handled(2);
    await bench.publish("m1");
    await release(3, { m1: 3, m2: 2 });
    expect(await runs(queue, 3)).toMatchObject([
      { trigger: "upstream", upstream: { m1: 1 } },
      { trigger: "candidate", upstream: { m1: 2 } },
      { trigger: "upstream", upstream: { m1: 3 } },
    ]);
  });
});
