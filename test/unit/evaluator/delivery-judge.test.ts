import { afterEach, beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createSnapshotHistory } from "../../../services/composition/snapshot-history.ts";
import { createDeliveryJudge } from "../../../services/evaluator/delivery-judge.ts";
import type { Backplane, WorkItem } from "../../../services/registry/backplane.ts";
import type { Registry } from "../../../services/registry/registry.ts";
import { generation } from "../../helpers/drafts.ts";
import { silentLog } from "../../helpers/log.ts";
import { delivering, good, type MemoryEvaluators, openMemoryEvaluators } from "../../helpers/memory-evaluators.ts";

const never = new AbortController().signal;
let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

/** A backplane with a different `bytes`. */
const reading = (bytes: Registry["bytes"], over: Backplane = world.backplane): Backplane => ({
  ...over,
  registry: { ...over.registry, bytes },
});

/** Throws each of the errors once, in order, then reads normally. */
const failingWith = (...errors: Error[]): Registry["bytes"] => {
  return async (manifest) => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    return world.backplane.registry.bytes(manifest);
  };
};
const away = () => new UncoupleError("unavailable", "no answer");

test("a registry outage only delays the verdict", async () => {
  const { records } = world.start({}, reading(failingWith(away(), away())));
  await world.publish("u", { x: 1 });
  const { verdicts, quarantines } = await world.settled(1);
  expect(verdicts).toHaveLength(1);
  expect(quarantines).toEqual([]);
  expect(records).toContainEqual(expect.objectContaining({ message: "postponed judging u@1: no answer" }));
});

test("a snapshot whose evaluation keeps failing is quarantined and does not block the queue", async () => {
  const broken = reading(async (manifest) => {
    if (manifest.component === "u") throw new TypeError("defect");
    return world.backplane.registry.bytes(manifest);
  });
  const { metrics } = world.start({}, broken);
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  const { verdicts, quarantines } = await world.settled(2);
  expect(verdicts.map(({ component }) => component)).toEqual(["d"]);
  expect(quarantines).toEqual([
    expect.objectContaining({ reason: "evaluation-failed", detail: "evaluation failed 5 times: defect" }),
  ]);
  expect(await metrics.text()).toMatch(/uncouple_evaluation_duration_seconds_count\{.*outcome="failure"\} [5-9]/);
});

test("a delivery whose quarantine cannot be recorded is returned to the queue", async () => {
  let retried = 0;
  const item: WorkItem = {
    announcement: { position: 1, manifest: await world.publish("u", { x: 1 }) },
    delivery: 1,
    done: async () => {},
    retry: async () => {
      retried++;
    },
  };
  const writer = {
    isSettled: async () => false,
    publish: async () => {},
    quarantine: () => Promise.reject(away()),
  };
  const judge = createDeliveryJudge({
    evaluator: "e1",
    backplane: world.backplane,
    view: { history: createSnapshotHistory(), reaches: async () => {} },
    gate: { digest: "", confirm: async () => undefined },
    generation: { confirm: async () => generation(1) },
    writer,
    metrics: { handled: () => {} },
    clock: world.clock,
    log: silentLog,
    evaluate: () => Promise.reject(new TypeError("defect")),
    onVerdict: () => {},
    signal: never,
  });
  for (let delivery = 1; delivery <= 7; delivery++) await judge({ ...item, delivery });
  expect(retried).toBe(7);
});

test("deliveries returned by other evaluators do not count as failures", async () => {
  const often = delivering(world.backplane, () => 12);
  world.start({}, reading(failingWith(new TypeError("defect")), often));
  await world.publish("u", { x: 1 });
  const { verdicts, quarantines } = await world.settled(1);
  expect(quarantines).toEqual([]);
  expect(verdicts).toHaveLength(1);
});

test("an announcement that was given back through a long outage, by whomever, is judged when it is over", async () => {
  const often = delivering(world.backplane, () => 21);
  world.start({}, reading(failingWith(away()), often));
  await world.publish("u", { x: 1 });
  const { verdicts, quarantines } = await world.settled(1);
  expect(quarantines).toEqual([]);
  expect(verdicts).toHaveLength(1);
});

test("an announcement that crashes its evaluators is quarantined and does not block the queue", async () => {
  // The leases that crashed evaluators leave behind.
  await world.backplane.leases.acquire("judging-1", "e0", never);
  await world.backplane.leases.acquire("judging-again-1", "e2", never);
  world.start(
    {},
    delivering(world.backplane, ({ component }) => (component === "u" ? 4 : 1)),
  );
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  const { verdicts, quarantines } = await world.settled(2);
  expect(quarantines).toEqual([
    expect.objectContaining({
      component: "u",
      reason: "evaluation-failed",
      detail: "delivered 4 times without finishing; evaluators e0 and e2 crashed while judging it",
    }),
  ]);
  expect(verdicts).toHaveLength(1);
});

test("one evaluator that died while judging an announcement proves nothing", async () => {
  await world.backplane.leases.acquire("judging-1", "e0", never);
  world.start(
    {},
    delivering(world.backplane, () => 3),
  );
  await world.publish("u", { x: 1 });
  const { verdicts, quarantines } = await world.settled(1);
  expect(quarantines).toEqual([]);
  expect(verdicts).toHaveLength(1);
  expect(await world.backplane.leases.holder("judging-again-1")).toBeUndefined();
});

test("an announcement is not blamed while an earlier one may have caused the crashes", async () => {
  const lease = await world.backplane.leases.acquire("judging-2", "e0", never);
  // A dead holder eventually loses its lease.
  world.clock.after(20, () => void lease.release());
  let first = true;
  const { workQueue } = delivering(world.backplane, ({ serial }) => (serial === 2 ? 4 : 1));
  const laterFirst: Backplane = {
    ...world.backplane,
    workQueue(group) {
      const queue = workQueue(group);
      return {
        pending: () => queue.pending(),
        async *items(signal) {
          for await (const item of queue.items(signal)) {
            if (item.announcement.position === 1 && first) await item.retry();
            else yield item;
            first = false;
          }
        },
      };
    },
  };
  await world.publish("u", { x: 1 });
  await world.publish("u", { x: 2 });
  const { records } = world.start({}, laterFirst);
  const { verdicts, quarantines } = await world.settled(2);
  expect(records).toContainEqual(
    expect.objectContaining({
      message:
        "postponed judging u@2: evaluator e0 crashed while judging it; u@1 was announced earlier and must be settled first",
    }),
  );
  expect(quarantines).toEqual([]);
  expect(verdicts.map(({ serial }) => serial)).toEqual([1, 2]);
});

test("a snapshot judged by an evaluator that died before acknowledging it is not judged again", async () => {
  let acknowledged = 0;
  const forgetful: Backplane = {
    ...world.backplane,
    workQueue(group) {
      const queue = world.backplane.workQueue(group);
      return {
        pending: () => queue.pending(),
        async *items(signal) {
          for await (const item of queue.items(signal)) {
            yield {
              ...item,
              async done() {
                if (item.delivery > 1) await item.done();
                else if (++acknowledged > 0) await item.retry();
              },
            };
          }
        },
      };
    },
  };
  const { metrics } = world.start({}, forgetful);
  await world.publish("u", { x: 1 });
  const { verdicts } = await world.settled(1);
  expect(acknowledged).toBe(1);
  expect(verdicts).toHaveLength(1);
  expect(await metrics.text()).toMatch(/uncouple_verdicts_total\{.*kind="inconclusive".*\} 1/);
});
