import { expect, test } from "vitest";
import { divideMemory, divideWorkerMemory, LEAST_MEMORY_LIMIT } from "../../../services/common/memory-budget.ts";

const MEBIBYTE = 2 ** 20;
/** What a process takes beside its shares, the host of a service, and each training on spilled rows. */
const PROCESS = 300 * MEBIBYTE;
const HOST = 100 * MEBIBYTE;
const TRAINING = 100 * MEBIBYTE;
const LIMITS = [LEAST_MEMORY_LIMIT, 640 * MEBIBYTE, 768 * MEBIBYTE, 2048 * MEBIBYTE, 64 * 1024 * MEBIBYTE];

test.each(LIMITS)("trainings in memory fit into %i bytes beside everything else", (limit) => {
  for (const runs of [1, 2, 16].filter((one) => PROCESS + HOST + one * TRAINING <= limit)) {
    const { tableBytes } = divideMemory(limit, runs);
    // Raw rows, encoded ones, those in the engine, and predictions.
    expect(PROCESS + HOST + runs * (TRAINING + 4 * tableBytes)).toBeLessThanOrEqual(limit);
    expect(runs * tableBytes).toBeLessThanOrEqual(limit / 8);
  }
});

test("a service with the default limit keeps rows of an eighth in memory, and too many runs spill all", () => {
  expect(divideMemory(2048 * MEBIBYTE, 2).tableBytes).toBe(128 * MEBIBYTE);
  expect(divideMemory(LEAST_MEMORY_LIMIT, 8).tableBytes).toBe(0);
});

test.each(LIMITS)("the shares of a worker of %i bytes fit into it, on disk and in memory", (limit) => {
  const { units, tableBytes, blobBytes, idleBytes } = divideWorkerMemory(limit, 64);
  expect(units).toBeGreaterThanOrEqual(1);
  expect(PROCESS + units * TRAINING).toBeLessThanOrEqual(limit);
  // The columns of each unit, and what it keeps.
  expect(units * tableBytes + blobBytes + idleBytes).toBeLessThanOrEqual(limit / 2);
});
