import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { endOfStudy, found } from "../helpers/studies.ts";
import { killDuring } from "../helpers/study-kills.ts";
import { openTrainerWorld, type TrainerWorld, unitsOfWorkers } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let port: number;
const workers: CliProcess[] = [];
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, "tuning-kills");
  port = await freePort();
});
afterEach(async () => {
  for (const { child } of workers) child.kill("SIGKILL");
  await Promise.all(workers.splice(0).map(({ ended }) => ended));
  await world.close();
});

const TRIALS = 12;
const KILLS = 20;
const team = (more: string) => `{ model: { hidden: [16] }, batch: 64, steps: 6000, search: { parameters: {
  optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true },
  model.hidden: { choices: [[16], [64]] } }, pruning: { name: halving, factor: 2, first: 1000 },
  stop_early: { patience: 3, every: 500 } }${more} }`;

test("a study whose trainer is killed twenty times ends with the same trials, bit for bit", async () => {
  const start = () => world.spawn("m1", { team: team(""), port });
  const first = await start();
  const undisturbed = await endOfStudy(first.tuning, (await first.tuning.startStudy({ trials: TRIALS })).id);
  const { id } = await first.tuning.startStudy({ trials: TRIALS, parallel: 2 });
  const { trainer, kills } = await killDuring(first, id, KILLS, start);
  expect(kills).toBe(KILLS);
  expect(found(await endOfStudy(trainer.tuning, id))).toEqual(found(undisturbed));
});

test("so does a study whose trials run on workers, killed as often; without workers it has the same trials, too", async () => {
  const alone = await world.spawn("m1", { team: team(""), port });
  const undisturbed = await endOfStudy(alone.tuning, (await alone.tuning.startStudy({ trials: TRIALS })).id);
  await alone.end("SIGTERM");

  const start = () => world.spawn("m1", { team: team(", workers: { slots: 4 }"), port });
  const first = await start();
  for (const name of ["w1", "w2"]) {
    workers.push(spawnCli(["worker", "--trainer", `127.0.0.1:${port}`, "--name", name, "--threads", "1"]));
  }
  const { id } = await first.tuning.startStudy({ trials: TRIALS, parallel: 3 });
  const { trainer, kills } = await killDuring(first, id, KILLS, start);
  expect(kills).toBe(KILLS);
  expect(found(await endOfStudy(trainer.tuning, id))).toEqual(found(undisturbed));
  const again = await endOfStudy(trainer.tuning, (await trainer.tuning.startStudy({ trials: TRIALS, parallel: 3 })).id);
  expect(found(again)).toEqual(found(undisturbed));
  expect(await unitsOfWorkers(trainer)).toBeGreaterThan(0);
});
