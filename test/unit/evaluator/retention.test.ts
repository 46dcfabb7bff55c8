import { afterEach, beforeEach, expect, test } from "vitest";
import { asUncoupleError } from "../../../services/common/errors.ts";
import { snapshotName } from "../../../services/pipeline/manifest.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { tombstone } from "../../helpers/drafts.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators(60);
});
afterEach(() => world.close());

const judged = async () => (await world.backplane.verdicts.list()).map(snapshotName);
const tombstones = async () => (await world.backplane.retention.tombstones()).map(snapshotName);

test("an evaluator carries out the file's retention every ten minutes, and reports what it deletes", async () => {
  const pipeline = { ...twoComponents, retention: { keep: 2, champions: 1 } };
  const { metrics, records } = world.start({ pipeline });
  world.start({ pipeline, name: "e2" });
  for (let count = 1; count <= 4; count++) await world.publish("u", { x: count });
  await world.publish("d", good);
  await world.settled(5);
  expect(await tombstones()).toEqual([]);
  await world.clock.advance(10 * 60_000);
  await expect.poll(tombstones).toEqual(["u@2", "u@1"]);
  const by = (await world.backplane.retention.tombstones())[0]?.by;
  expect(["e1", "e2"]).toContain(by);
  // Two evaluators finish in any order.
  await expect.poll(async () => (await judged()).sort()).toEqual(["d@1", "u@3", "u@4"]);
  await world.publish("u", { x: 1 });
  await world.settled(4);
  await world.clock.advance(10 * 60_000);
  await expect.poll(tombstones).toEqual(["u@2", "u@1", "u@3"]);
  if (by === "e1") {
    expect(records).toContainEqual(expect.objectContaining({ snapshots: ["u@2", "u@1"], keep: 2, champions: 1 }));
    const compacted = [{ log: "verdicts", removed: 2, kept: 3 }];
    const message = "compacted the logs: removed 2 of 5 verdicts";
    expect(records).toContainEqual(expect.objectContaining({ compacted, message }));
    expect(await metrics.text()).toMatch(/uncouple_models_deleted_total\{component="u",.*\} [23]/);
  }
});

test("an evaluator without retention deletes nothing, and completes compactions that others have left", async () => {
  let completed = 0;
  const resume = async () => {
    completed++;
  };
  world.start({}, { ...world.backplane, compaction: { ...world.backplane.compaction, resume } });
  for (let count = 1; count <= 30; count++) await world.publish("u", { x: count });
  await world.settled(30);
  await world.clock.advance(24 * 3_600_000);
  expect(await tombstones()).toEqual([]);
  expect(await judged()).toHaveLength(30);
  expect(completed).toBeGreaterThanOrEqual(24 * 6);
});

test("a judgment and a matrix that meet a deleted snapshot go on without it, and quarantine nothing", async () => {
  const { registry, retention } = world.backplane;
  const before = world.start();
  await world.publish("u", { x: 1 });
  await world.publish("d", { x: 0, "u-out": 1 });
  await world.publish("d", good);
  await world.settled(3);
  await before.evaluator.stop();
  /** Deleted as soon as somebody has looked at the snapshot in order to read it. */
  const deletes = (name: string, over: Backplane): Backplane => ({
    ...over,
    registry: {
      ...registry,
      async bytes(manifest, signal) {
        if (snapshotName(manifest) === name) {
          const stone = tombstone(manifest.component, manifest.serial);
          await retention.delete(stone, (await retention.state()).position);
        }
        return registry.bytes(manifest, signal);
      },
    },
  });
  const { evaluator } = world.start({ name: "e2" }, deletes("d@1", world.backplane));
  await world.publish("u", { x: 2 });
  const { verdicts, quarantines } = await world.settled(4);
  expect(quarantines).toEqual([]);
  // d@1 was an alternative, besides the current d@2.
  expect(verdicts.at(-1)).toMatchObject({ component: "u", serial: 2, kind: "improved", alternatives: [] });
  const [matrix] = await evaluator.matrices();
  expect(matrix).toMatchObject({ upstreamSerials: [1, 2], downstreamSerials: [2] });
  expect(await tombstones()).toEqual(["d@1"]);
});

test("an announcement whose model was deleted is taken as settled", async () => {
  const { registry, retention } = world.backplane;
  const manifest = await world.publish("u", { x: 1 });
  await retention.delete(tombstone("u", 1), (await retention.state()).position);
  expect(await registry.bytes(manifest).catch((thrown: unknown) => asUncoupleError(thrown).code)).toBe("deleted");
  world.start();
  await world.publish("u", { x: 2 });
  const { verdicts, quarantines } = await world.settled(1);
  expect(verdicts.map(snapshotName)).toEqual(["u@2"]);
  expect(quarantines).toEqual([]);
});

test("a snapshot whose verdict was removed is not judged again, also by an evaluator that gets every announcement again", async () => {
  const { retention, compaction } = world.backplane;
  const before = world.start();
  for (let count = 1; count <= 3; count++) await world.publish("u", { x: count });
  await world.settled(3);
  await before.evaluator.stop();
  for (const serial of [1, 2]) await retention.delete(tombstone("u", serial), (await retention.state()).position);
  await compaction.compact(0, new AbortController().signal);
  expect(await judged()).toEqual(["u@3"]);
  const again = { ...world.backplane, workQueue: () => world.backplane.workQueue("another") };
  world.start({ name: "e2" }, again);
  await expect
    .poll(async () => {
      await world.clock.advance(50);
      return again.workQueue().pending();
    })
    .toBe(0);
  expect(await judged()).toEqual(["u@3"]);
  expect(await world.backplane.quarantines.list()).toEqual([]);
});
