import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { createNotifier } from "../../../../services/common/async/notifier.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

const never = new AbortController().signal;

describe("a notifier", () => {
  test("wakes all waiters", async () => {
    const notifier = createNotifier();
    const waiting = [notifier.waitBeyond(0, never), notifier.waitBeyond(0, never)];
    notifier.notify();
    await Promise.all(waiting);
    expect(notifier.count).toBe(1);
  });

  test("does not miss a notification between the check and the wait", async () => {
    const notifier = createNotifier();
    const seen = notifier.count;
    notifier.notify();
    await notifier.waitBeyond(seen, never);
  });

  test("ends a wait exactly at its time limit", async () => {
    const notifier = createNotifier();
    const clock = createVirtualClock();
    let over = false;
    const waiting = notifier.waitBeyond(0, never, { clock, ms: 1_000 }).then(() => {
      over = true;
    });
    await clock.advance(999);
    expect(over).toBe(false);
    await clock.advance(1);
    await waiting;
    expect(notifier.count).toBe(0);
  });

  test("ends a wait when its signal aborts or has already aborted", async () => {
    const notifier = createNotifier();
    await notifier.waitBeyond(0, AbortSignal.abort());
    const stop = new AbortController();
    const waiting = notifier.waitBeyond(0, stop.signal);
    stop.abort();
    await waiting;
  });

  test("removes its timer and listener after a wait", async () => {
    const notifier = createNotifier();
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const waiting = notifier.waitBeyond(0, signal, { clock, ms: 1_000 });
    expect(clock.pending).toBe(1);
    notifier.notify();
    await waiting;
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
