import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { writeModelModule } from "../helpers/model-modules.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { descendants, gone } from "../helpers/spawn-cli.ts";
import { endOf, openTrainerWorld, runThat, type TrainerProcess, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, `crashes-${++worlds}`);
});
afterEach(() => world.close());

/** Trains for a second or more, also on a fast machine. */
const long = "{ model: { hidden: [16] }, batch: 64, steps: 60000, engine: onnx:cpu }";
const team = { team: long };

/** Starts a run and waits until it has reached a step and written a checkpoint. */
async function startAndReach(trainer: TrainerProcess, step: number): Promise<string> {
  const { id } = await trainer.client.startRun({});
  await runThat(trainer.client, id, (run) => run.step >= step);
  await vi.waitUntil(async () => (await files(id)).includes("checkpoint.bin"), { interval: 5, timeout: 10_000 });
  return id;
}

const digests = async () => (await world.backplane.registry.list("m1")).map(({ digest }) => digest);
const folderOf = (id: string) => join(world.dir, "state", `crashes-${worlds}`, "m1", "runs", id);
const files = (id: string) => readdir(folderOf(id));

describe("a trainer process", () => {
  test("that is killed during a run resumes it and produces the same bits", async () => {
    let trainer = await world.spawn("m1", team);
    const undisturbed = await trainer.client.startRun({});
    expect(await endOf(trainer.client, undisturbed.id)).toMatchObject({ state: "succeeded", snapshot: 1 });

    const id = await startAndReach(trainer, 6_000);
    for (const step of [18_000, 33_000]) {
      expect(await trainer.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
      trainer = await world.spawn("m1", team);
      await runThat(trainer.client, id, (run) => run.step >= step);
      expect(trainer.output()).toMatch(/"message":"run [^"]* resumes at step [1-9]/);
    }
    expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 2, step: 60_000 });
    const [first, second, ...more] = await digests();
    expect(second).toBe(first);
    expect(more).toEqual([]);
    expect((await files(id)).toSorted()).toEqual(["report.json", "run.json"]);
    // So does its report.
    const { curve, fit } = await trainer.client.runReport(id);
    expect(curve?.points).toHaveLength(500);
    expect(fit?.outputs.map(({ name }) => name)).toEqual(["z[0]", "z[1]", "z[2]"]);
    expect(await trainer.client.runReport(undisturbed.id)).toMatchObject({ curve, fit });
  });

  test("that receives SIGTERM checkpoints, exits with 0, and produces the same bits after a restart", async () => {
    let trainer = await world.spawn("m1", team);
    const undisturbed = await trainer.client.startRun({});
    await endOf(trainer.client, undisturbed.id);
    const id = await startAndReach(trainer, 2_000);
    const queued = await trainer.client.startRun({});
    expect(await trainer.end("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(await files(id)).toContain("checkpoint.bin");

    trainer = await world.spawn("m1", team);
    expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 2 });
    expect(await endOf(trainer.client, queued.id)).toMatchObject({ state: "succeeded", snapshot: 3 });
    expect(new Set(await digests()).size).toBe(1);
  });

  test("that is killed while training a team's own model resumes it and produces the same bits", async () => {
    const path = await writeModelModule(join(world.dir, "model"));
    const own = { team: `{ model: { module: ${path} }, batch: 64, steps: 5000, engine: onnx:cpu }` };
    let trainer = await world.spawn("m1", own);
    const undisturbed = await trainer.client.startRun({});
    expect(await endOf(trainer.client, undisturbed.id)).toMatchObject({ state: "succeeded", snapshot: 1 });

    const id = await startAndReach(trainer, 1_500);
    const processes = await descendants(trainer.process.pid as number);
    expect(processes.length).toBeGreaterThan(0);
    await trainer.end("SIGKILL");
    await gone(processes);
    trainer = await world.spawn("m1", own);
    expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 2, step: 5_000 });
    expect(trainer.output()).toMatch(/"message":"run [^"]* resumes at step [1-9]/);
    expect(new Set(await digests()).size).toBe(1);
    expect((await world.backplane.registry.list("m1"))[1]).toMatchObject({
      provenance: { model: "module model.ts", engine: "onnx:cpu" },
    });
  });

  test("that is killed while a team's own model loops forever leaves no process behind", async () => {
    const path = await writeModelModule(join(world.dir, "model"), { prelude: 'console.log("looping"); for (;;);' });
    const trainer = await world.spawn("m1", { team: `{ model: { module: ${path} }, engine: onnx:cpu }` });
    await trainer.client.startRun({});
    while (!trainer.output().includes("model module: looping")) await sleep(20);
    const processes = await descendants(trainer.process.pid as number);
    expect(processes.length).toBeGreaterThan(0);
    await trainer.end("SIGKILL");
    await gone(processes);
  });

  test("that a run kills three times fails that run, and executes the next one", async () => {
    // The module's process kills its parent: the trainer.
    const path = await writeModelModule(join(world.dir, "model"), {
      prelude: 'process.kill(process.ppid, "SIGKILL");',
    });
    const own = { team: `{ model: { module: ${path} }, engine: onnx:cpu }` };
    let trainer = await world.spawn("m1", own);
    const poison = await trainer.client.startRun({});
    const next = await trainer.client.startRun({ teamFile: `component: m1\nmodel: linear\nsteps: 60\n` });
    for (const deaths of [1, 2, 3]) {
      expect(await trainer.exited).toEqual({ code: null, signal: "SIGKILL" });
      expect(JSON.parse(await readFile(join(folderOf(poison.id), "run.json"), "utf8"))).toMatchObject({
        attempts: deaths,
        run: { state: "running" },
      });
      trainer = await world.spawn("m1", own);
    }
    expect(await endOf(trainer.client, poison.id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("the trainer died 3 times") },
    });
    expect(await endOf(trainer.client, next.id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  });

  test("does not share its state folder with another trainer", async () => {
    const trainer = await world.spawn("m1", team);
    const second = await world.spawn("m1", team).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(second).toContain(`process ${trainer.process.pid} on `);
  });
});

describe("a nats-server", () => {
  test("that is killed and restarted while a snapshot is published has that snapshot exactly once", async () => {
    // 9 MB, so that the kill interrupts the upload.
    const large = "{ model: { hidden: [1500, 1500] }, batch: 1, steps: 2, engine: onnx:cpu }";
    const trainer = await world.trainer("m1", { team: large });
    const { id } = await trainer.client.startRun({});
    await runThat(trainer.client, id, ({ state }) => state === "publishing");
    await nats.kill();
    expect(await trainer.client.getRun(id)).toMatchObject({ state: "publishing" });
    expect((await fetch(`http://127.0.0.1:${trainer.httpPort}/livez`)).status).toBe(200);
    await nats.restart();
    expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 1 });
    const { manifest, bytes } = await trainer.client.readSnapshot(1, new AbortController().signal);
    expect(bytes).toHaveLength(manifest.size);
    expect(await world.backplane.registry.list("m1")).toHaveLength(1);
  });

  test("that is down while a run trains does not affect the run", async () => {
    const trainer = await world.trainer("m1", { team: long });
    const { id } = await trainer.client.startRun({});
    await runThat(trainer.client, id, ({ step }) => step > 1_000);
    await nats.kill();
    await runThat(trainer.client, id, ({ state }) => state === "publishing");
    expect((await fetch(`http://127.0.0.1:${trainer.httpPort}/readyz`)).status).toBe(503);
    await nats.restart();
    expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  });
});
