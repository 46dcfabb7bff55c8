import { expect, test } from "vitest";
import { timeoutSignal } from "../../../../services/common/async/timeout-signal.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

const late = new Error("late");
const stopped = new Error("stopped");

test("a timeout aborts with its reason when it expires", async () => {
  const clock = createVirtualClock();
  const timeout = timeoutSignal(clock, 100, late);
  await clock.advance(99);
  expect([timeout.signal.aborted, timeout.expired]).toEqual([false, false]);
  await clock.advance(1);
  expect(timeout.signal.reason).toBe(late);
  expect(timeout.expired).toBe(true);
});

test("a parent that aborts first sets the reason, and the timeout no longer expires", async () => {
  const clock = createVirtualClock();
  const parent = new AbortController();
  const timeout = timeoutSignal(clock, 100, late, parent.signal);
  parent.abort(stopped);
  expect(timeout.signal.reason).toBe(stopped);
  await clock.advance(1_000);
  expect(timeout.signal.reason).toBe(stopped);
  expect(timeout.expired).toBe(false);
});

test("a parent that aborts later changes nothing", async () => {
  const clock = createVirtualClock();
  const parent = new AbortController();
  const timeout = timeoutSignal(clock, 100, late, parent.signal);
  await clock.advance(100);
  parent.abort(stopped);
  expect(timeout.signal.reason).toBe(late);
  expect(timeout.expired).toBe(true);
});

test("a parent that has already aborted aborts the timeout immediately", () => {
  const timeout = timeoutSignal(createVirtualClock(), 100, late, AbortSignal.abort(stopped));
  expect(timeout.signal.reason).toBe(stopped);
  expect(timeout.expired).toBe(false);
});

test("a disposed timeout removes its timer and never aborts", async () => {
  const clock = createVirtualClock();
  const timeout = timeoutSignal(clock, 100, late);
  timeout.dispose();
  timeout.dispose();
  expect(clock.pending).toBe(0);
  await clock.advance(1_000);
  expect(timeout.signal.aborted).toBe(false);
});
