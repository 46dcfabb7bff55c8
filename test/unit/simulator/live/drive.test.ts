import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { Run } from "../../../../services/pipeline/run.ts";
import { createDrive } from "../../../../services/simulator/live/drive-teams.ts";
import type { LiveTraining } from "../../../../services/simulator/live/live-files.ts";
import { drawEvents } from "../../../../services/simulator/world/events.ts";
import { firstModels } from "../../../../services/simulator/world/first-models.ts";
import { smallScenario } from "../../../helpers/scenarios.ts";

const TICK_MS = 1000;

interface Asked extends LiveTraining {
  readonly at: number;
}

/** A drive of teams whose trainings take some time on a virtual clock. @param refuse which trainings are refused */
function driven(
  keys: Parameters<typeof smallScenario>[0],
  trainingMs: number,
  refuse: (training: LiveTraining, at: number) => boolean = () => false,
) {
  const scenario = smallScenario(keys);
  const clock = createVirtualClock();
  const stop = new AbortController();
  const trainings: Asked[] = [];
  let busy = 0;
  let busiest = 0;
  const events = drawEvents(scenario, 1);
  const drive = createDrive({
    first: firstModels(scenario, 1),
    events,
    tickMs: TICK_MS,
    ticks: scenario.ticks,
    clock,
    stop: stop.signal,
    team: (name) => ({
      async start(training) {
        if (refuse(training, clock.elapsed())) throw new UncoupleError("unavailable", "the trainer is away");
        trainings.push({ ...training, at: clock.elapsed() });
        return { id: `${name}-${trainings.length}`, component: name, state: "queued" } as Run;
      },
      async ended(run) {
        busy += 1;
        busiest = Math.max(busiest, busy);
        await clock.sleep(trainingMs);
        busy -= 1;
        return { ...run, state: "succeeded" };
      },
    }),
  });
  const finish = async (work: Promise<void>) => {
    let over = false;
    const done = work.finally(() => {
      over = true;
    });
    done.catch(() => {});
    while (!over && (await clock.next())) await Promise.resolve();
    await done;
  };
  return { scenario, clock, stop, events, drive, trainings, busiest: () => busiest, finish };
}

describe("the first models", () => {
  test("are trained after those that they read, and those that read nothing in common at once", async () => {
    const { drive, finish, trainings, busiest } = driven({ teams: 4, edges: "diamond" }, 100);
    await finish(drive.begin());
    expect(trainings.map(({ team, at }) => [team, at])).toEqual([
      ["m1", 0],
      ["m2", 100],
      ["m3", 100],
      ["m4", 200],
    ]);
    expect(busiest()).toBe(2);
    expect(trainings.map(({ hidden }) => hidden)).toEqual([[], [], [], []]);
  });

  test("that fails ends the drive, because nothing downstream can be trained", async () => {
    const { drive, finish } = driven({ teams: 3, edges: "chain" }, 100, ({ team }) => team === "m2");
    await expect(finish(drive.begin())).rejects.toThrow("the first training of m2 failed: the trainer is away");
  });
});

describe("wishes", () => {
  test("are asked for at their times, with the model class and the seed of the scenario", async () => {
    const { drive, finish, trainings, events } = driven({ ticks: 40, events: { upgrade: 0.3, bad_release: 0.3 } }, 1);
    await finish(drive.replay());
    expect(drive.wishes()).toEqual({ due: events.wishes.length, served: events.wishes.length });
    const wished = events.wishes.map(({ team, seed, steps, hidden, at }) => ({
      team,
      seed,
      steps,
      hidden,
      at: at * TICK_MS,
    }));
    // Wishes within one training are served by one.
    for (const asked of trainings) {
      const wish = wished.find(({ seed }) => seed === asked.seed);
      expect(asked).toMatchObject({ team: wish?.team, steps: wish?.steps, hidden: wish?.hidden });
      expect(asked.at).toBeCloseTo(wish?.at as number, -1);
    }
    expect(trainings.length).toBeGreaterThan(0.9 * wished.length);
  });

  test("that come during a training are served by the next one, the newest of them", async () => {
    const { drive, finish, trainings, events } = driven({ teams: 2, ticks: 40, cadence: { every: 1 } }, 10 * TICK_MS);
    await finish(drive.replay());
    const own = trainings.filter(({ team }) => team === "m1");
    expect(own.length).toBeLessThanOrEqual(5);
    for (const { at, seed } of own) {
      const due = events.wishes.filter((wish) => wish.team === "m1" && wish.at * TICK_MS <= at + 1e-6);
      expect(due.at(-1)?.seed).toBe(seed);
    }
  });

  test("wait for the end of an outage", async () => {
    const scripted = [{ tick: 0, team: "m1", kind: "outage" }];
    const { drive, finish, trainings } = driven(
      { teams: 2, ticks: 40, cadence: { every: 1 }, events: { outage_ticks: 30, scripted } },
      1,
    );
    await finish(drive.replay());
    expect(Math.min(...trainings.filter(({ team }) => team === "m1").map(({ at }) => at))).toBeGreaterThanOrEqual(
      30_000,
    );
    expect(Math.min(...trainings.filter(({ team }) => team === "m2").map(({ at }) => at))).toBeLessThan(10_000);
  });

  test("a refusal is kept with its reason, and the team goes on", async () => {
    const { drive, finish, trainings } = driven({ ticks: 40 }, 1, (_, at) => at < 20_000);
    await finish(drive.replay());
    const refused = drive.asked().filter(({ refusal }) => refusal !== undefined);
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]).toMatchObject({
      run: undefined,
      refusal: { code: "unavailable", message: "the trainer is away" },
    });
    expect(trainings.length).toBeGreaterThan(5);
  });

  test("a stop ends the drive, and what was asked for is waited for", async () => {
    const { drive, finish, stop, clock, trainings } = driven({ ticks: 1000 }, 5 * TICK_MS);
    clock.after(20_500, () => stop.abort());
    await finish(drive.replay());
    expect(clock.elapsed()).toBeLessThan(26_000);
    expect(trainings.length).toBeGreaterThan(0);
    expect(drive.asked().every(({ run }) => run?.state === "succeeded")).toBe(true);
    expect(drive.wishes().due).toBeLessThan(60);
  });
});
