import { expect, test } from "vitest";
import { runStorm } from "../bench/workers/storm.ts";

const MINUTES = Number(process.env.STORM_MINUTES ?? 10);

test(`a storm of 30 faults a minute on 8 workers for ${MINUTES} minutes changes no bit, and costs at most a fifth of the units`, async () => {
  const figures = await runStorm(MINUTES);
  console.log(JSON.stringify(figures));
  const { trainings, right, faults, calm, storm, fates } = figures;
  expect(trainings).toBeGreaterThan(0);
  expect(right).toBe(trainings);
  expect(fates.mismatches).toBe(0);
  const kills = faults.kill ?? 0;
  const all = Object.values(faults).reduce((sum, count) => sum + count, 0);
  expect(all).toBeGreaterThan(25 * MINUTES);
  expect(kills).toBeGreaterThanOrEqual(all / 2);
  expect(fates.lost).toBeGreaterThan(0);
  // A ratio of two rates measured in turn, not a time of its own.
  expect(storm / calm).toBeGreaterThan(0.8);
});
