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

/** Both clocks; the system clock runs on fake timers. */
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
  test("measures elapsed time and produces timestamps", async () => {
    const { clock, advance } = create();
    const [start, began] = [clock.now(), clock.elapsed()];
    await advance(1_500);
    expect(clock.now() - start).toBe(1_500);
    expect(secondsSince(clock, began)).toBeCloseTo(1.5);
    expect(timestamp(clock)).toBe(new Date(start + 1_500).toISOString());
  });

  test("calls a callback once, after the delay", async () => {
    const { clock, advance } = create();
    let calls = 0;
    const timer = clock.after(10, () => calls++);
    await advance(9);
    expect(calls).toBe(0);
    await advance(100);
    expect(calls).toBe(1);
    timer.cancel();
  });

  test("calls a callback at each interval until cancelled, including by the callback itself", async () => {
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

  test("does not call a cancelled callback", async () => {
    const { clock, advance } = create();
    let calls = 0;
    const timers = [clock.after(10, () => calls++), clock.every(10, () => calls++)];
    for (const timer of timers) timer.cancel();
    await advance(100);
    expect(calls).toBe(0);
  });

  test("supports delays longer than Node's maximum timer", async () => {
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

  test("sleeps for the given time and removes its abort listener", async () => {
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

  test("rejects a sleep with the signal's reason, before it starts or during it", async () => {
    const { clock, advance } = create();
    const reason = new Error("enough");
    await expect(clock.sleep(10, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const sleeping = clock.sleep(10, stop.signal);
    sleeping.catch(() => {});
    await advance(5);
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    // No timer is left.
    if ("pending" in clock) expect(clock.pending).toBe(0);
    else expect(vi.getTimerCount()).toBe(0);
  });
});

test("a system timer with keepsAlive false does not keep the process alive", () => {
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
