import { describe, expect, test } from "vitest";
import { restartForever } from "../../../../services/common/async/restart-forever.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError as Failure, type UncoupleError } from "../../../../services/common/errors.ts";

function start(body: (run: number) => Promise<void>) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const errors: UncoupleError[] = [];
  const startTimes: number[] = [];
  const running = restartForever({ clock, signal: stop.signal, onError: (error) => errors.push(error) }, () => {
    startTimes.push(clock.elapsed());
    return body(startTimes.length);
  });
  return { clock, stop, errors, startTimes, running };
}

describe("restartForever", () => {
  test("restarts one second after a failure and reports each failure", async () => {
    const { clock, stop, errors, startTimes, running } = start(async (run) => {
      if (run === 1) throw new Failure("unavailable", "the server is unreachable");
      throw new TypeError("bug");
    });
    await clock.advance(1_999);
    expect(startTimes).toEqual([0, 1_000]);
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["unavailable", "the server is unreachable"],
      ["internal", "bug"],
    ]);
    stop.abort();
    await running;
    expect(clock.pending).toBe(0);
  });

  test("restarts one second after a normal return and reports nothing", async () => {
    const { clock, stop, errors, startTimes, running } = start(async () => {});
    await clock.advance(3_000);
    expect(startTimes).toEqual([0, 1_000, 2_000, 3_000]);
    expect(errors).toEqual([]);
    stop.abort();
    await running;
  });

  test("stops when the signal aborts and does not report the resulting error", async () => {
    const { stop, errors, startTimes, running } = start(
      () => new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(new Error("stopped")))),
    );
    stop.abort();
    await running;
    expect(startTimes).toEqual([0]);
    expect(errors).toEqual([]);
  });
});
