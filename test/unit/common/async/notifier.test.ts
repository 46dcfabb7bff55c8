import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { createNotifier } from "../../../../services/common/async/notifier.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

const never = new AbortController().signal;

describe("a notifier", () => {
  test("wakes everybody who waits", async () => {
    const bell = createNotifier();
    const waiting = [bell.waitBeyond(0, never), bell.waitBeyond(0, never)];
    bell.ring();
    await Promise.all(waiting);
    expect(bell.count).toBe(1);
  });

  test("does not let pass unheard what rang between the look and the wait", async () => {
    const bell = createNotifier();
    const seen = bell.count;
    bell.ring();
    await bell.waitBeyond(seen, never);
  });

  test("ends a wait at its time limit, and no sooner", async () => {
    const bell = createNotifier();
    const clock = createVirtualClock();
    let over = false;
    const waiting = bell.waitBeyond(0, never, { clock, ms: 1_000 }).then(() => {
      over = true;
    });
    await clock.advance(999);
    expect(over).toBe(false);
    await clock.advance(1);
    await waiting;
    expect(bell.count).toBe(0);
  });

  test("ends a wait when its signal aborts, before it or meanwhile", async () => {
    const bell = createNotifier();
    await bell.waitBeyond(0, AbortSignal.abort());
    const stop = new AbortController();
    const waiting = bell.waitBeyond(0, stop.signal);
    stop.abort();
    await waiting;
  });

  test("leaves neither a timer nor a listener behind", async () => {
    const bell = createNotifier();
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const waiting = bell.waitBeyond(0, signal, { clock, ms: 1_000 });
    expect(clock.pending).toBe(1);
    bell.ring();
    await waiting;
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
