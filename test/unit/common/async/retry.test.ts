import { describe, expect, test } from "vitest";
import { backoffMs, createRetry, type RetryPolicy, retry } from "../../../../services/common/async/retry.ts";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";

const away = new UncoupleError("unavailable", "the server is away");

const policyOn = (clock: VirtualClock, change: Partial<RetryPolicy> = {}): RetryPolicy => ({
  clock,
  limitMs: 10_000,
  firstDelayMs: 100,
  longestDelayMs: 1_000,
  jitter: 0,
  ...change,
});

/** Retries an action that fails until it is told not to, and notes when it was called. */
function attempt(change: Partial<RetryPolicy> = {}, failures = Number.POSITIVE_INFINITY, error: unknown = away) {
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

describe("retries", () => {
  test("come after delays that double up to the longest", async () => {
    const { clock, at, outcome } = attempt({}, 6);
    await clock.advance(5_000);
    expect(await outcome).toBe("done");
    expect(at).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500]);
    expect(clock.pending).toBe(0);
  });

  test("end with the error itself when the next would come after the limit", async () => {
    const { clock, at, outcome } = attempt({ limitMs: 2_499 });
    await clock.advance(60_000);
    await expect(outcome).rejects.toBe(away);
    expect(at).toEqual([0, 100, 300, 700, 1_500]);
  });

  test("are none for an error that does not pass by itself", async () => {
    const wrong = new UncoupleError("conflict", "somebody else was first");
    const { at, outcome } = attempt({}, 1, wrong);
    await expect(outcome).rejects.toBe(wrong);
    expect(at).toEqual([0]);
  });

  test("are made for a time limit that passed, as for a server that is away", async () => {
    const { clock, outcome } = attempt({}, 1, new UncoupleError("deadline-exceeded", "no answer"));
    await clock.advance(100);
    expect(await outcome).toBe("done");
  });

  test("are spread by jitter over the given share of each delay", async () => {
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

  test("end with the last error when the signal aborts in the middle of a wait, and nothing is tried any more", async () => {
    const stop = new AbortController();
    const { clock, at, outcome } = attempt({ signal: stop.signal });
    await clock.advance(150);
    stop.abort();
    await expect(outcome).rejects.toBe(away);
    await clock.advance(60_000);
    expect(at).toEqual([0, 100]);
  });

  test("are told of, each before its wait", async () => {
    const told: string[] = [];
    const { clock, outcome } = attempt({ onRetry: ({ message }) => told.push(message) }, 2);
    await clock.advance(0);
    expect(told).toEqual(["the server is away"]);
    await clock.advance(1_000);
    await outcome;
    expect(told).toHaveLength(2);
  });

  test("go on as long as there is progress, which also makes the delays short again", async () => {
    const clock = createVirtualClock();
    const retries = createRetry(policyOn(clock, { limitMs: 350 }));
    const waited = async () => {
      const began = clock.elapsed();
      const waiting = retries.wait(away);
      waiting.catch(() => {});
      await clock.next();
      await waiting;
      return clock.elapsed() - began;
    };
    expect([await waited(), await waited()]).toEqual([100, 200]);
    retries.progress();
    expect([await waited(), await waited()]).toEqual([100, 200]);
    await expect(retries.wait(away)).rejects.toBe(away);
  });

  test("share one limit and its delays where work has several steps", async () => {
    const clock = createVirtualClock();
    const retries = createRetry(policyOn(clock, { limitMs: 350 }));
    const failing = (times: number) => async () => {
      if (times-- > 0) throw away;
    };
    const first = retries.run(failing(2));
    await clock.advance(300);
    await first;
    await expect(retries.run(failing(1))).rejects.toBe(away);
  });
});

test("a backoff doubles with every attempt, up to the longest", () => {
  const delays = [1, 2, 3, 4, 50].map((n) => backoffMs({ firstDelayMs: 250, longestDelayMs: 1_500 }, n));
  expect(delays).toEqual([250, 500, 1_000, 1_500, 1_500]);
});
