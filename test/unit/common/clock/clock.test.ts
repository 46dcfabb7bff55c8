import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Clock, secondsSince, timestamp } from "../../../../services/common/clock/clock.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

const DAY = 24 * 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Both clocks, the system's on timers that a test moves. */
const clocks: readonly (readonly [string, () => { clock: Clock; advance(ms: number): Promise<unknown> }])[] = [
  ["system", () => ({ clock: systemClock, advance: (ms) => vi.advanceTimersByTimeAsync(ms) })],
  [
    "virtual",
    () => {
      const clock = createVirtualClock();
      return { clock, advance: (ms) => clock.advance(ms) };
    },
  ],
];

describe.each(clocks)("the %s clock", (_, create) => {
  test("measures and stamps the time that passes", async () => {
    const { clock, advance } = create();
    const [start, began] = [clock.now(), clock.elapsed()];
    await advance(1_500);
    expect(clock.now() - start).toBe(1_500);
    expect(secondsSince(clock, began)).toBeCloseTo(1.5);
    expect(timestamp(clock)).toBe(new Date(start + 1_500).toISOString());
  });

  test("calls back once, after the time", async () => {
    const { clock, advance } = create();
    let calls = 0;
    const timer = clock.after(10, () => calls++);
    await advance(9);
    expect(calls).toBe(0);
    await advance(100);
    expect(calls).toBe(1);
    timer.cancel();
  });

  test("calls back again and again, until it is cancelled, also by the callback", async () => {
    const { clock, advance } = create();
    let calls = 0;
    const timer = clock.every(10, () => {
      if (++calls === 3) timer.cancel();
    });
    await advance(29);
    expect(calls).toBe(2);
    await advance(100);
    expect(calls).toBe(3);
    timer.cancel();
  });

  test("does not call back what was cancelled", async () => {
    const { clock, advance } = create();
    let calls = 0;
    const timers = [clock.after(10, () => calls++), clock.every(10, () => calls++)];
    for (const timer of timers) timer.cancel();
    await advance(100);
    expect(calls).toBe(0);
  });

  test("waits for longer than a timer of Node can", async () => {
    const { clock, advance } = create();
    let calls = 0;
    clock.after(60 * DAY, () => calls++);
    const cancelled = clock.after(60 * DAY, () => calls++);
    await advance(30 * DAY);
    cancelled.cancel();
    await advance(30 * DAY - 1);
    expect(calls).toBe(0);
    await advance(1);
    expect(calls).toBe(1);
  });

  test("sleeps for the time, and leaves nothing on the signal", async () => {
    const { clock, advance } = create();
    const { signal } = new AbortController();
    let over = false;
    const sleeping = clock.sleep(10, signal).then(() => {
      over = true;
    });
    await advance(9);
    expect(over).toBe(false);
    await advance(1);
    await sleeping;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("ends a sleep with the signal's own reason, before it or in the middle", async () => {
    const { clock, advance } = create();
    const reason = new Error("enough");
    await expect(clock.sleep(10, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const sleeping = clock.sleep(10, stop.signal);
    sleeping.catch(() => {});
    await advance(5);
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    // Nothing is left to fire.
    if ("pending" in clock) expect(clock.pending).toBe(0);
    else expect(vi.getTimerCount()).toBe(0);
  });
});

test("a system timer that is not to keep the process alive does not", () => {
  const timer = vi.spyOn(globalThis, "setTimeout");
  try {
    systemClock.after(10, () => {}, { keepsAlive: false });
    systemClock.every(10, () => {});
    expect(timer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false, true]);
  } finally {
    timer.mockRestore();
    vi.clearAllTimers();
  }
});
