import { beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { createStageTimer } from "../../../../services/inference/client/stage-timer.ts";

describe("a stage with 10 s for a batch and 3 million rows", () => {
  let clock: VirtualClock;
  let overdue: string[];
  let timer: ReturnType<typeof createStageTimer>;
  beforeEach(() => {
    clock = createVirtualClock();
    overdue = [];
    timer = createStageTimer(clock, 10_000, 3_000_000, (detail) => overdue.push(detail));
  });

  test("is overdue without a sign of life for 10 s", async () => {
    await clock.advance(9_000);
    timer.sawLife();
    await clock.advance(9_000);
    expect(overdue).toEqual([]);
    await clock.advance(3_000);
    expect(overdue).toEqual(["did not finish a batch of rows within the limit of 10 s (--inference-timeout)"]);
    await clock.advance(100_000);
    expect(overdue).toHaveLength(1);
  });

  test("is overdue after 40 s in all, however lively, and the next stage has as long again", async () => {
    const live = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        timer.sawLife();
        await clock.advance(1_000);
      }
    };
    await live(38);
    timer.newStage();
    await live(38);
    expect(overdue).toEqual([]);
    await live(4);
    expect(overdue).toEqual(["did not finish within the limit of 40 s (--inference-timeout)"]);
  });

  test("does not count the time for which the host waits for a model", async () => {
    await clock.advance(8_000);
    await timer.pause(clock.advance(500_000));
    await clock.advance(8_000);
    expect(overdue).toEqual([]);
  });

  test("is never overdue once its call has ended", async () => {
    timer.stop();
    await clock.advance(100_000);
    expect(overdue).toEqual([]);
  });
});
