import { expect, test } from "vitest";
import { divideMemory, LEAST_MEMORY_LIMIT } from "../../../services/common/memory-budget.ts";

const MEBIBYTE = 2 ** 20;
/** What a process takes beside its shares, and each training on spilled rows. */
const PROCESS = 300 * MEBIBYTE;
const TRAINING = 100 * MEBIBYTE;

test.each([LEAST_MEMORY_LIMIT, 768 * MEBIBYTE, 2048 * MEBIBYTE, 64 * 1024 * MEBIBYTE])(
  "the shares of %i bytes fit into it, on disk and in memory",
  (limit) => {
    const { units } = divideMemory(limit);
    expect(units).toBeGreaterThanOrEqual(1);
    expect(PROCESS + units * TRAINING).toBeLessThanOrEqual(limit);
    const { tableBytes, blobBytes, idleBytes } = divideMemory(limit, units);
    // A worker: the columns of each unit, and what it keeps.
    expect(units * tableBytes + blobBytes + idleBytes).toBeLessThanOrEqual(limit / 2);
    // A trainer: raw rows, encoded ones, and predictions, and those of each unit in its engine.
    expect(3 * tableBytes + units * tableBytes).toBeLessThanOrEqual(limit / 2);
  },
);
