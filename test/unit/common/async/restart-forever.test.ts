import { describe, expect, test } from "vitest";
import { restartForever } from "../../../../services/common/async/restart-forever.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError as Failure, type UncoupleError } from "../../../../services/common/errors.ts";

function begin(body: (life: number) => Promise<void>) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const troubles: UncoupleError[] = [];
  const lives: number[] = [];
  const running = restartForever({ clock, signal: stop.signal, onTrouble: (error) => troubles.push(error) }, () => {
    lives.push(clock.elapsed());
    return body(lives.length);
  });
  return { clock, stop, troubles, lives, running };
}

describe("what is to go on for ever", () => {
  test("begins again a second after it failed, and tells of each failure", async () => {
    const { clock, stop, troubles, lives, running } = begin(async (life) => {
      if (life === 1) throw new Failure("unavailable", "the server is away");
      throw new TypeError("defect");
    });
    await clock.advance(1_999);
    expect(lives).toEqual([0, 1_000]);
    expect(troubles.map(({ code, message }) => [code, message])).toEqual([
      ["unavailable", "the server is away"],
      ["internal", "defect"],
    ]);
    stop.abort();
    await running;
    expect(clock.pending).toBe(0);
  });

  test("begins again a second after it ended, without a word", async () => {
    const { clock, stop, troubles, lives, running } = begin(async () => {});
    await clock.advance(3_000);
    expect(lives).toEqual([0, 1_000, 2_000, 3_000]);
    expect(troubles).toEqual([]);
    stop.abort();
    await running;
  });

  test("ends when the signal aborts, and what that makes fail is no trouble", async () => {
    const { stop, troubles, lives, running } = begin(
      () => new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(new Error("stopped")))),
    );
    stop.abort();
    await running;
    expect(lives).toEqual([0]);
    expect(troubles).toEqual([]);
  });
});
