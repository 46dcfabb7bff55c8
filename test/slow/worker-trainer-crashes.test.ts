import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { endOf, openTrainerWorld, runThat, type TrainerWorld, unitsOfWorkers } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let port: number;
const workers: CliProcess[] = [];
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, "worker-crashes");
  port = await freePort();
});
afterEach(async () => {
  for (const { child } of workers) child.kill("SIGKILL");
  await Promise.all(workers.splice(0).map(({ ended }) => ended));
  await world.close();
});

/** Eighty rounds of some tens of milliseconds, and a snapshot of half a megabyte and more. */
const TEAM = `{ model: { hidden: [400, 400] }, batch: 8, steps: 400, workers: { slots: 4, sync_every: 5, audit: 0.02 } }`;

const start = () => world.spawn("m1", { team: TEAM, port });

test("a trainer that is killed at checkpoints and while it publishes ends with the same bits; its workers return by themselves", async () => {
  let trainer = await start();
  const undisturbed = await trainer.client.startRun({});
  expect(await endOf(trainer.client, undisturbed.id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  for (const name of ["w1", "w2"]) {
    workers.push(spawnCli(["worker", "--trainer", `127.0.0.1:${port}`, "--name", name, "--threads", "1"]));
  }
  const { id } = await trainer.client.startRun({});
  for (const step of [60, 150, 260]) {
    await runThat(trainer.client, id, (run) => run.step >= step);
    expect(await trainer.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
    trainer = await start();
  }
  await runThat(trainer.client, id, ({ state }) => state === "publishing");
  expect(await unitsOfWorkers(trainer)).toBeGreaterThan(0);
  await trainer.end("SIGKILL");
  trainer = await start();
  expect(await endOf(trainer.client, id)).toMatchObject({ state: "succeeded", snapshot: 2, step: 400 });
  const snapshots = await world.backplane.registry.list("m1");
  expect(snapshots.map(({ serial }) => serial)).toEqual([1, 2]);
  expect(new Set(snapshots.map(({ digest }) => digest)).size).toBe(1);
});
