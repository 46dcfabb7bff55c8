import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Run } from "../../services/pipeline/run.ts";
import type { RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import { recordingLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, runThat, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, `sync-${++worlds}`);
});
afterEach(() => world.close());

const never = new AbortController().signal;
const steps = (count: number, more = "") =>
  `{ model: { hidden: [8] }, batch: 32, steps: ${count}, engine: onnx:cpu${more === "" ? "" : `, ${more}`} }`;
const train = async (client: RemoteTrainer) => endOf(client, (await client.startRun({})).id);

/** Waits until a trainer has at least `count` runs and all have ended. @returns the runs */
async function allEnded(client: RemoteTrainer, count: number): Promise<readonly Run[]> {
  for (;;) {
    const runs = await client.listRuns();
    if (runs.length >= count && runs.every(({ finishedAt }) => finishedAt !== null)) return runs;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("under sync", () => {
  test("a component retrains automatically when its upstream publishes", async () => {
    const m2 = await world.trainer("m2", { team: steps(60, "protocol: sync") });
    const m1 = await world.trainer("m1", { team: steps(60, "protocol: sync") });
    await train(m1.client);
    expect(await allEnded(m2.client, 1)).toMatchObject([{ trigger: "upstream", upstream: { m1: 1 }, snapshot: 1 }]);
    await train(m1.client);
    expect(await allEnded(m2.client, 2)).toMatchObject([
      { trigger: "upstream", upstream: { m1: 2 }, snapshot: 2 },
      { upstream: { m1: 1 } },
    ]);
  });

  test("two components never train at the same time", async () => {
    const m1 = await world.trainer("m1", { team: steps(3000, "protocol: sync") });
    const m2 = await world.trainer("m2", { team: steps(3000, "protocol: sync") });
    await train(m1.client);
    await allEnded(m2.client, 1);
    const starting = [m1, m2].flatMap(({ client }) => [client.startRun({}), client.startRun({})]);
    await Promise.all(starting);
    // Two each, plus the runs of m2 that m1's snapshots trigger.
    await allEnded(m1.client, 3);
    await allEnded(m2.client, 3);
    const snapshots = await world.backplane.registry.list();
    const trainings = snapshots.map(({ provenance: { startedAt = "", finishedAt = "" } }) =>
      [startedAt, finishedAt].map((time) => Date.parse(time)),
    );
    trainings.sort(([a = 0], [b = 0]) => a - b);
    expect(trainings.length).toBeGreaterThanOrEqual(6);
    for (const [i, [began = 0]] of trainings.entries()) {
      // Both trainers use this process's clock: each training starts after the previous one has ended.
      if (i > 0) expect(began).toBeGreaterThanOrEqual(trainings[i - 1]?.[1] ?? Number.POSITIVE_INFINITY);
    }
  });

  test("a run waits for the lease in state `waiting`, then trains on what was published in the meantime", async () => {
    const m1 = await world.trainer("m1", { team: steps(60) });
    await train(m1.client);
    const m2 = await world.trainer("m2", { team: steps(60, "protocol: sync") });
    await allEnded(m2.client, 1);
    const lease = await world.backplane.leases.acquire("train", "another trainer", never);
    const { id } = await m2.client.startRun({});
    await runThat(m2.client, id, ({ state }) => state === "waiting");
    await train(m1.client);
    expect(await m2.client.getRun(id)).toMatchObject({ state: "waiting", upstream: {} });
    await lease.release();
    expect(await endOf(m2.client, id)).toMatchObject({ state: "succeeded", upstream: { m1: 2 } });
  });

  test("a trainer killed while training blocks the others only until its lease expires", async () => {
    const dying = await world.spawn("m1", { team: steps(100_000_000, "protocol: sync") });
    const { id } = await dying.client.startRun({});
    await runThat(dying.client, id, ({ step }) => step > 0);
    expect(await world.backplane.leases.holder("train")).toContain(`process ${dying.process.pid}`);
    await dying.end("SIGKILL");
    const m1 = await world.trainer("m1", { team: steps(60, "protocol: sync"), stateDir: `${world.dir}/other` });
    expect(await train(m1.client)).toMatchObject({ state: "succeeded", snapshot: 1 });
  });
});

describe("an outage of NATS under sync", () => {
  test("loses the lease: the run stops, waits, and resumes from the same step once NATS is back", async () => {
    const { log, records } = recordingLog();
    const m1 = await world.trainer("m1", { team: steps(100_000_000, "protocol: sync"), log });
    const { id } = await m1.client.startRun({});
    await runThat(m1.client, id, ({ step }) => step > 0);
    await nats.kill();
    const waiting = await runThat(m1.client, id, ({ state }) => state === "waiting");
    expect(waiting.step).toBeGreaterThan(0);
    await nats.restart();
    await runThat(m1.client, id, ({ state, step }) => state === "running" && step > waiting.step);
    expect(records).toContainEqual(
      expect.objectContaining({ step: waiting.step, message: `run ${id} resumes at step ${waiting.step}` }),
    );
    await m1.client.cancelRun(id);
    expect(await endOf(m1.client, id)).toMatchObject({ state: "cancelled" });
  });
});

describe("under any protocol", () => {
  test("a team can train on upstream snapshots, and a restart neither misses nor repeats one", async () => {
    const team = steps(60, "train: on-upstream");
    const m1 = await world.trainer("m1");
    await train(m1.client);
    const first = await world.trainer("m2", { team });
    expect(await allEnded(first.client, 1)).toMatchObject([{ trigger: "upstream", upstream: { m1: 1 } }]);
    await first.stop();

    await train(m1.client);
    await train(m1.client);
    const second = await world.trainer("m2", { team });
    expect(await allEnded(second.client, 2)).toMatchObject([{ upstream: { m1: 3 } }, { upstream: { m1: 1 } }]);
    await second.stop();

    const third = await world.trainer("m2", { team });
    expect(await train(third.client)).toMatchObject({ trigger: "request", snapshot: 3 });
    expect(await third.client.listRuns()).toHaveLength(3);
  });

  test("a team can train at an interval", async () => {
    const m1 = await world.trainer("m1", { team: steps(20, "train: { every: 1s }") });
    const runs = await allEnded(m1.client, 2);
    expect(runs.map(({ trigger, state }) => `${trigger} ${state}`)).toEqual(
      Array(runs.length).fill("interval succeeded"),
    );
  });

  test("if two trainers of one component are started by mistake, one publishes and the other reports a conflict", async () => {
    const team = steps(4000);
    const [a, b] = await Promise.all([
      world.trainer("m1", { team, stateDir: `${world.dir}/a` }),
      world.trainer("m1", { team, stateDir: `${world.dir}/b` }),
    ]);
    const runs = await Promise.all([a.client.startRun({}), b.client.startRun({})]);
    // Both have started before either publishes.
    await Promise.all([
      runThat(a.client, runs[0].id, ({ step }) => step > 0),
      runThat(b.client, runs[1].id, ({ step }) => step > 0),
    ]);
    const ends = await Promise.all([endOf(a.client, runs[0].id), endOf(b.client, runs[1].id)]);
    const published = ends.find(({ state }) => state === "succeeded");
    expect(published).toMatchObject({ snapshot: 1 });
    expect(ends.find(({ state }) => state === "failed")).toMatchObject({
      snapshot: null,
      error: { code: "conflict", message: expect.stringContaining("the newest is m1@1") },
    });
    const snapshots = await world.backplane.registry.list("m1");
    expect(snapshots.map(({ runId }) => runId)).toEqual([published?.id]);
  });

  test("a second trainer of one state folder ends, even on a volume whose locks do not work", async () => {
    const pipeline = `sync-${worlds}`;
    // Two folders with one id, like one folder that is mounted twice and whose files are not the same everywhere.
    for (const name of ["a", "b"]) {
      await mkdir(join(world.dir, name, pipeline, "m1"), { recursive: true });
      await writeFile(join(world.dir, name, pipeline, "m1", "id"), "a1b2\n");
    }
    const first = await world.trainer("m1", { team: steps(20), stateDir: join(world.dir, "a") });
    await vi.waitUntil(async () => (await world.backplane.leases.holder("m1.state-a1b2")) !== undefined);
    const second = await world.trainer("m1", { team: steps(20), stateDir: join(world.dir, "b") });
    await expect(second.lifecycle.finished).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("m1 (process "),
    });
    expect(first.lifecycle.state()).toBe("RUNNING");
    expect(await train(first.client)).toMatchObject({ state: "succeeded" });
  }, 20_000);
});
