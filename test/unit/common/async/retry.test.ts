import { describe, expect, test } from "vitest";
import { backoffMs, createRetry, type RetryPolicy, retry } from "../../../../services/common/async/retry.ts";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";

const unreachable = new UncoupleError("unavailable", "the server is unreachable");

const policyOn = (clock: VirtualClock, change: Partial<RetryPolicy> = {}): RetryPolicy => ({
  clock,
  limitMs: 10_000,
  firstDelayMs: 100,
  longestDelayMs: 1_000,
  jitter: 0,
  ...change,
});

/** Retries an action that fails `failures` times, and records the times of its calls. */
function attempt(change: Partial<RetryPolicy> = {}, failures = Number.POSITIVE_INFINITY, error: unknown = unreachable) {
  const clock = createVirtualClock();
  const at: number[] = [];
  const outcome = retry(policyOn(clock, change), async () => {
    at.push(clock.elapsed());
    if (at.length <= failures) throw error;
    return "done";
  });
  outcome.catch(() => {});
  return { clock, at, outcome };
}

describe("retry", () => {
  test("doubles the delay up to the longest", async () => {
    const { clock, at, outcome } = attempt({}, 6);
    await clock.advance(5_000);
    expect(await outcome).toBe("done");
    expect(at).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500]);
    expect(clock.pending).toBe(0);
  });

  test("throws the error itself if the next attempt would exceed the time limit", async () => {
    const { clock, at, outcome } = attempt({ limitMs: 2_499 });
    await clock.advance(60_000);
    await expect(outcome).rejects.toBe(unreachable);
    expect(at).toEqual([0, 100, 300, 700, 1_500]);
  });

  test("does not retry an error that is not transient", async () => {
    const wrong = new UncoupleError("conflict", "a concurrent change won");
    const { at, outcome } = attempt({}, 1, wrong);
    await expect(outcome).rejects.toBe(wrong);
    expect(at).toEqual([0]);
  });

  test("retries expired deadlines as well as unreachable servers", async () => {
    const { clock, outcome } = attempt({}, 1, new UncoupleError("deadline-exceeded", "no answer"));
    await clock.advance(100);
    expect(await outcome).toBe("done");
  });

  test("randomizes the given share of each delay", async () => {
    const delays = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const { clock, at } = attempt({ jitter: 0.5 }, 1);
      await clock.advance(100);
      delays.add(at[1] as number);
    }
    expect(delays.size).toBeGreaterThan(10);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...delays)).toBeLessThanOrEqual(100);
  });

  test("throws the last error and stops when the signal aborts during a delay", async () => {
    const stop = new AbortController();
    const { clock, at, outcome } = attempt({ signal: stop.signal });
    await clock.advance(150);
    stop.abort();
    await expect(outcome).rejects.toBe(unreachable);
    await clock.advance(60_000);
    expect(at).toEqual([0, 100]);
  });

  test("calls onRetry before each delay", async () => {
    const reported: string[] = [];
    const { clock, outcome } = attempt({ onRetry: ({ message }) => reported.push(message) }, 2);
    await clock.advance(0);
    expect(reported).toEqual(["the server is unreachable"]);
    await clock.advance(1_000);
    await outcome;
    expect(reported).toHaveLength(2);
  });

  test("progress resets the time limit and the delays", async () => {
    const clock = createVirtualClock();
    const retries = createRetry(policyOn(clock, { limitMs: 350 }));
    const delay = async () => {
      const started = clock.elapsed();
      const waiting = retries.wait(unreachable);
      waiting.catch(() => {});
      await clock.next();
      await waiting;
      return clock.elapsed() - started;
    };
    expect([await delay(), await delay()]).toEqual([100, 200]);
    retries.progress();
    expect([await delay(), await delay()]).toEqual([100, 200]);
    await expect(retries.wait(unreachable)).rejects.toBe(unreachable);
  });

  test("several steps share one time limit and its delays", async () => {
    const clock = createVirtualClock();
    const retries = createRetry(policyOn(clock, { limitMs: 350 }));
    const failing = (times: number) => async () => {
      if (times-- > 0) throw unreachable;
    };
    const first = retries.run(failing(2));
    await clock.advance(300);
    await first;
    await expect(retries.run(failing(1))).rejects.toBe(unreachable);
  });
});

test("the backoff delay doubles with every attempt, up to the longest", () => {
  const delays = [1, 2, 3, 4, 50].map((n) => backoffMs({ firstDelayMs: 250, longestDelayMs: 1_500 }, n));
  expect(delays).toEqual([250, 500, 1_000, 1_500, 1_500]);
});
