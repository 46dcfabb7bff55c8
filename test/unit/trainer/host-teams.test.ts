import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { Trainer } from "../../../services/trainer/create-trainer.ts";
import { hostTeams } from "../../../services/trainer/host-teams.ts";
import { silentLog } from "../../helpers/log.ts";

/** A trainer whose first starts fail. */
function trainerThat(failures: number) {
  const seen = { starts: 0, stops: 0 };
  let isReady = false;
  const trainer: Pick<Trainer, "start" | "stop" | "ready" | "problem"> = {
    async start() {
      seen.starts++;
      if (seen.starts <= failures) throw new UncoupleError("conflict", `failure ${seen.starts}`);
      isReady = true;
    },
    async stop() {
      seen.stops++;
      isReady = false;
    },
    ready: () => isReady,
    problem: () => (isReady ? undefined : `after ${seen.starts} starts`),
  };
  return { trainer: trainer as Trainer, seen };
}

function hostOf(...failures: readonly number[]) {
  const clock = createVirtualClock();
  const trainers = failures.map(trainerThat);
  const lost: string[] = [];
  const host = hostTeams(new Map(trainers.map(({ trainer }, index) => [`m${index + 1}`, trainer])), {
    clock,
    log: silentLog,
    onChange: () => {},
    onLost: (error) => void lost.push(error.message),
  });
  return { clock, host, lost, seen: trainers.map(({ seen }) => seen) };
}

describe("hosted teams", () => {
  test("one that cannot start is started again, less and less often, while the others work", async () => {
    const { clock, host, seen } = hostOf(0, 3);
    expect(host.started()).toBe(false);
    await host.start();
    expect([host.started(), host.ready(), host.checks.m1?.(), host.checks.m2?.()]).toEqual([
      true,
      true,
      undefined,
      "after 1 starts",
    ]);
    for (const [seconds, starts] of [
      [1, 2],
      [1, 2],
      [1, 3],
      [4, 4],
    ] as const) {
      await clock.advance(seconds * 1000);
      expect(seen[1]?.starts).toBe(starts);
    }
    expect(host.checks.m2?.()).toBeUndefined();
    await clock.advance(600_000);
    expect(seen.map(({ starts }) => starts)).toEqual([1, 4]);
    await host.stop();
  });

  test("if none can start, the start fails with the first one's error", async () => {
    const { host, clock, seen } = hostOf(9, 9);
    await expect(host.start()).rejects.toMatchObject({ code: "conflict", message: "failure 1" });
    await clock.advance(600_000);
    expect(seen.map(({ starts }) => starts)).toEqual([1, 1]);
  });

  test("one that loses its folder is stopped, and the loss of the last one is the process's", async () => {
    const { host, lost, seen } = hostOf(0, 0);
    await host.start();
    host.lose("m2", new UncoupleError("conflict", "m2 was taken"));
    expect([seen.map(({ stops }) => stops), host.ready(), lost]).toEqual([[0, 1], true, []]);
    host.lose("m1", new UncoupleError("conflict", "m1 was taken"));
    expect(lost).toEqual(["m1 was taken"]);
    await host.stop();
  });

  test("a stop ends the attempts of those that cannot start", async () => {
    const { clock, host, seen } = hostOf(0, 99);
    await host.start();
    await host.stop();
    await clock.advance(600_000);
    expect(seen.map(({ starts, stops }) => [starts, stops])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});
