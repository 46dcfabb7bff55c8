import { expect, test } from "vitest";
import { settlesWithin } from "../../../../services/common/async/settles-within.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

test("returns true for work that resolves or rejects in time, and removes the timer", async () => {
  const clock = createVirtualClock();
  expect(await settlesWithin(clock, 100, Promise.resolve("done"))).toBe(true);
  expect(await settlesWithin(clock, 100, Promise.reject(new Error("failed")))).toBe(true);
  expect(clock.pending).toBe(0);
});

test("returns false for work that takes longer, and ignores its later rejection", async () => {
  const clock = createVirtualClock();
  const work = clock.sleep(101).then(() => Promise.reject(new Error("failed")));
  const within = settlesWithin(clock, 100, work);
  await clock.advance(100);
  expect(await within).toBe(false);
  await clock.advance(1);
});
