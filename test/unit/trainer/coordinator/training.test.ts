import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { yieldToEventLoop } from "../../../../services/common/async/yield.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import type { TrainingCheckpoint } from "../../../../services/learning/training/training-progress.ts";
import { createLocalRunner } from "../../../../services/learning/units/local-runner.ts";
import { type CoordinatorWorld, createWorld, train, whileTimePasses } from "../../../helpers/coordinated-training.ts";
import { numbers } from "../../../helpers/dense-program.ts";
import {
  flipBit,
  introduce,
  type MemoryWorker,
  returnNaN,
  startMemoryWorker,
  type Tamper,
} from "../../../helpers/memory-worker.ts";

/** The end of the training without a coordinator. */
let oracle: string;
beforeAll(async () => {
  oracle = await train(createLocalRunner(systemClock));
});

const started: MemoryWorker[] = [];
const worlds: CoordinatorWorld[] = [];
function world(...[over, limits]: Parameters<typeof createWorld>): CoordinatorWorld {
  const created = createWorld(over, limits);
  worlds.push(created);
  return created;
}
async function start({ coordinator, clock }: CoordinatorWorld, name: string, tamper?: Tamper): Promise<MemoryWorker> {
  const worker = await startMemoryWorker(coordinator, clock, { name }, tamper);
  started.push(worker);
  return worker;
}
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(({ coordinator }) => coordinator.close()));
  await Promise.all(started.splice(0).map((worker) => worker.kill()));
});

function expectEveryLeaseToHaveAFate({ coordinator }: CoordinatorWorld): void {
  const { counters, inFlight } = coordinator.metrics();
  const { applied, duplicate, stale, refused, lost, returned } = counters;
  expect(counters.leased).toBe(applied + duplicate + stale + refused + lost + returned + inFlight);
}

test.each([0, 1, 2, 5])("the bits are the same with %i workers", async (count) => {
  const here = world();
  for (let i = 0; i < count; i++) await start(here, `w${i}`);
  const unitsDone = async () => {
    const { workers } = await here.coordinator.listWorkers();
    return workers.map((worker) => worker.unitsDone).reduce((sum, units) => sum + units, 0);
  };
  let trainings = 0;
  // The trainer alone may be faster than workers that join at this moment.
  do {
    expect(await train(here.coordinator, { audit: 0.3 })).toBe(oracle);
    trainings++;
  } while (count > 0 && (await unitsDone()) === 0);
  const { counters, present } = here.coordinator.metrics();
  expect(present).toBe(count);
  expect(counters).toMatchObject({ applied: trainings * 7 * 4, mismatches: 0, quarantined: 0 });
  expect(here.ran.length).toBeGreaterThanOrEqual(trainings * 7 * 4);
  expectEveryLeaseToHaveAFate(here);
});

test.each([
  [2, undefined],
  [1, { units: 1, idleBytes: 0 }],
] as const)(
  "at most %i units run in the trainer at a time, as memory allows, to the same bits",
  async (most, limits) => {
    const { coordinator } = world({}, limits);
    const running = new Set<number>();
    let over = false;
    const training = train(coordinator).finally(() => {
      over = true;
    });
    while (!over) {
      running.add(coordinator.metrics().inFlight);
      await yieldToEventLoop();
    }
    expect(await training).toBe(oracle);
    expect(Math.max(...running)).toBe(most);
  },
);

test("fewer rows than a batch, fewer rows than slots, and a last round of one step train to the same bits", async () => {
  const few = { rows: 3, data: { x: numbers(9, 1), y: numbers(3, 2) }, steps: 31 };
  const plan = { slots: 5, syncEvery: 10 };
  const alone = await train(createLocalRunner(systemClock), {}, few, plan);
  const here = world();
  await start(here, "w1");
  await start(here, "w2");
  expect(await train(here.coordinator, { audit: 0.3 }, few, plan)).toBe(alone);
  expectEveryLeaseToHaveAFate(here);
});

test("several trainings at a time share the workers", async () => {
  const here = world();
  await start(here, "w1");
  await start(here, "w2");
  const seeds = [7, 8, 9, 7];
  const ends = await Promise.all(seeds.map((seed) => train(here.coordinator, {}, { seed })));
  expect(ends[0]).toBe(oracle);
  // Equal trainings share the units that both wait for.
  expect(ends[3]).toBe(oracle);
  expect(new Set(ends).size).toBe(3);
  const { applied } = here.coordinator.metrics().counters;
  expect(applied).toBeGreaterThanOrEqual(3 * 7 * 4);
  expect(applied).toBeLessThanOrEqual(4 * 7 * 4);
  expectEveryLeaseToHaveAFate(here);
});

test("workers that come and are killed, 0 -> 3 -> 0 -> 1, change no bit", async () => {
  const here = world();
  let round = 0;
  const end = await train(
    here.coordinator,
    {},
    {
      async onProgress() {
        round++;
        if (round === 2) for (let i = 0; i < 3; i++) await start(here, `w${i}`);
        // Not awaited: what they have in work goes on, and nobody waits for it.
        if (round === 4) for (const worker of started) void worker.kill();
        if (round === 5) await start(here, "w9");
      },
    },
  );
  expect(end).toBe(oracle);
  expectEveryLeaseToHaveAFate(here);
});

test("a worker that takes units and never answers delays the training, and changes no bit", async () => {
  const here = world();
  await start(here, "never", () => undefined);
  await start(here, "honest");
  expect(await whileTimePasses(here.clock, train(here.coordinator))).toBe(oracle);
  expectEveryLeaseToHaveAFate(here);
});

const anotherSlot: Tamper = (() => {
  let earlier: Awaited<ReturnType<Tamper>>;
  return (result) => {
    const returned = earlier ?? result;
    earlier = result;
    return returned;
  };
})();

describe.each([
  ["a flipped bit", flipBit, 1],
  ["the result of another slot", anotherSlot, 1],
  ["NaN", returnNaN, 0],
] as const)("a worker that returns %s", (_, tamper, audit) => {
  test.each([0, 2])("is found and refused from then on, with %i honest workers beside it", async (honest) => {
    const here = world();
    const bad = await start(here, "bad", tamper);
    for (let i = 0; i < honest; i++) await start(here, `w${i}`);
    // It needs units to be found.
    while (!bad.fates.includes("refused") && here.coordinator.metrics().counters.quarantined === 0) {
      expect(await train(here.coordinator, { audit })).toBe(oracle);
    }
    expect(here.coordinator.metrics().counters).toMatchObject({ quarantined: 1 });
    expect(here.notes).toContainEqual(expect.objectContaining({ kind: "quarantined", name: "bad" }));
    expect((await here.coordinator.listWorkers()).workers).toContainEqual(
      expect.objectContaining({ name: "bad", quarantined: true }),
    );
    const again = await here.coordinator.join(introduce({ name: "bad" }));
    expect(again).toMatchObject({ refusal: "quarantined", reason: expect.stringContaining("returned") });
    expectEveryLeaseToHaveAFate(here);
  });
});

test("a training that diverged says so in the same words with a worker as alone", async () => {
  const data = { x: new Float32Array(180).fill(1e30), y: new Float32Array(60).fill(1e30) };
  const alone = await train(createLocalRunner(systemClock), {}, { data }).catch((thrown: unknown) => String(thrown));
  const here = world();
  await start(here, "w1");
  await start(here, "w2");
  const message = await train(here.coordinator, {}, { data }).catch((thrown: unknown) => String(thrown));
  expect(message).toBe(alone);
  expect(message).toContain("training diverged: the loss of step 0");
  expect(here.coordinator.metrics().counters.quarantined).toBe(0);
});

test("a trainer that is started again goes on from its checkpoint to the same bits, and workers join again", async () => {
  const first = world();
  await start(first, "w1");
  let kept: TrainingCheckpoint | undefined;
  const stop = new AbortController();
  const cut = train(
    first.coordinator,
    {},
    {
      signal: stop.signal,
      async onProgress({ step, checkpoint }) {
        if (step !== 30) return;
        kept = await checkpoint();
        stop.abort(new Error("killed"));
      },
    },
  );
  await expect(cut).rejects.toThrow("killed");
  await first.coordinator.close();
  const second = world({ incarnation: 2 });
  const worker = await start(second, "w1");
  expect(worker.worker).not.toBe(started[0]?.worker);
  expect(await train(second.coordinator, {}, { resume: kept as TrainingCheckpoint })).toBe(oracle);
});
