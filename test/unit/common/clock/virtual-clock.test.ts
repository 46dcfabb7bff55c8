import { describe, expect, test } from "vitest";
import { yieldToEventLoop } from "../../../../services/common/async/yield.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

describe("a virtual clock", () => {
  test("moves only when advanced, and runs due callbacks in order of time", async () => {
    const clock = createVirtualClock();
    const heard: string[] = [];
    clock.after(20, () => heard.push(`b at ${clock.elapsed()}`));
    clock.after(10, () => heard.push(`a at ${clock.elapsed()}`));
    clock.after(21, () => heard.push("too late"));
    expect(heard).toEqual([]);
    await clock.advance(20);
    expect(heard).toEqual(["a at 10", "b at 20"]);
    expect(clock.elapsed()).toBe(20);
    expect(clock.pending).toBe(1);
  });

  test("runs callbacks due at the same time in scheduling order", async () => {
    const clock = createVirtualClock();
    const heard: string[] = [];
    clock.every(5, () => heard.push("every"));
    clock.after(10, () => heard.push("first"));
    clock.after(10, () => {
      heard.push("second");
      clock.after(0, () => heard.push("fourth"));
    });
    clock.after(10, () => heard.push("third"));
    await clock.advance(10);
    // The first tick scheduled the second one, after all others.
    expect(heard).toEqual(["every", "first", "second", "third", "every", "fourth"]);
  });

  test("runs promise callbacks and one turn of the event loop before the next timer", async () => {
    const clock = createVirtualClock();
    const heard: string[] = [];
    const work = async () => {
      await clock.sleep(10);
      for (let i = 0; i < 100; i++) await Promise.resolve();
      heard.push("promises");
      await yieldToEventLoop();
      heard.push("turn");
      await clock.sleep(5);
      heard.push("slept again");
    };
    const working = work();
    clock.after(11, () => heard.push("timer"));
    await clock.advance(20);
    await working;
    expect(heard).toEqual(["promises", "turn", "timer", "slept again"]);
  });

  test("runs pending promise callbacks before the first timer", async () => {
    const clock = createVirtualClock();
    let woken = false;
    const work = async () => {
      await Promise.resolve();
      await clock.sleep(10);
      woken = true;
    };
    const working = work();
    await clock.advance(10);
    expect(woken).toBe(true);
    await working;
  });

  test("advances from timer to timer", async () => {
    const clock = createVirtualClock();
    const heard: number[] = [];
    clock.after(1_000_000, () => heard.push(clock.elapsed()));
    clock.after(1, () => heard.push(clock.elapsed()));
    expect(await clock.next()).toBe(true);
    expect(heard).toEqual([1]);
    expect(await clock.next()).toBe(true);
    expect(heard).toEqual([1, 1_000_000]);
    expect(await clock.next()).toBe(false);
  });

  test("counts wall-clock time from its start", async () => {
    const clock = createVirtualClock(Date.parse("2026-11-20T00:00:00Z"));
    await clock.advance(1_500);
    expect(new Date(clock.now()).toISOString()).toBe("2026-11-20T00:00:01.500Z");
    expect(clock.elapsed()).toBe(1_500);
  });
});
