import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOfStudy, found } from "../helpers/studies.ts";
import { killDuring } from "../helpers/study-kills.ts";
import { openTrainerWorld, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, "tuning-crashes");
});
afterEach(() => world.close());

const TEAM = `{ model: { hidden: [16] }, batch: 64, steps: 3000, search: { parameters: {
  optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true },
  model.hidden: { choices: [[16], [64]] } }, pruning: { name: halving, factor: 2, first: 500 } } }`;

test("a study whose trainer is killed three times ends with the same trials, bit for bit", async () => {
  const start = () => world.spawn("m1", { team: TEAM });
  const first = await start();
  const undisturbed = await endOfStudy(first.tuning, (await first.tuning.startStudy({ trials: 5 })).id);
  expect(undisturbed.state).toBe("complete");
  const { id } = await first.tuning.startStudy({ trials: 5, parallel: 2 });
  const { trainer, kills } = await killDuring(first, id, 3, start);
  expect(kills).toBe(3);
  expect(found(await endOfStudy(trainer.tuning, id))).toEqual(found(undisturbed));
  // Of a trial that has ended, only its record is left.
  const trials = await readdir(join(world.dir, "state/tuning-crashes/m1/studies", id, "trials"));
  expect(trials.sort()).toEqual([1, 2, 3, 4, 5].map((trial) => `${trial}.json`));
});
