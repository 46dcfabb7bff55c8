import { expect, test } from "vitest";
import { inParallel } from "../../../../services/common/async/in-parallel.ts";

test("results are in the order of the items, whatever ends first, and no more than the limit run at a time", async () => {
  const running = new Set<number>();
  let most = 0;
  const waiting: (() => void)[] = [];
  const results = inParallel([5, 4, 3, 2, 1], 2, async (item, index) => {
    running.add(item);
    most = Math.max(most, running.size);
    await new Promise<void>((resolve) => waiting.push(resolve));
    running.delete(item);
    return `${index}: ${item}`;
  });
  for (let ended = 0; ended < 5; ended++) {
    while (waiting.length === 0) await Promise.resolve();
    // The one that began last ends first.
    waiting.pop()?.();
    await new Promise(setImmediate);
  }
  expect(await results).toEqual(["0: 5", "1: 4", "2: 3", "3: 2", "4: 1"]);
  expect(most).toBe(2);
});

test("the first failure cancels items not yet started", async () => {
  const started: number[] = [];
  const failed = inParallel([1, 2, 3, 4], 1, async (item) => {
    started.push(item);
    if (item === 2) throw new Error(`item ${item}`);
  });
  await expect(failed).rejects.toThrow(/^item 2$/);
  expect(started).toEqual([1, 2]);
});

test.each([0, -1, 1.5, Number.NaN])("a limit of %f is refused", async (limit) => {
  await expect(inParallel([1], limit, async () => {})).rejects.toMatchObject({ code: "invalid-argument" });
});
