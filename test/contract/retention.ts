import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { asUncoupleError } from "../../services/common/errors.ts";
import type { SnapshotId, SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { DeletedError, type Tombstone } from "../../services/pipeline/tombstone.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { draft, model, tombstone } from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import type { Implementation, World } from "./implementation.ts";

/** Tests the contract of `Retention`, and of what readers of deleted models get, on an implementation. */
export function retentionContract(implementation: Implementation): void {
  describe(`${implementation.name} retention`, () => {
    beforeAll(() => implementation.start());
    afterAll(() => implementation.stop());
    let world: World;
    let one: Backplane;
    let two: Backplane;
    let manifests: readonly SnapshotManifest[];
    const stone = (serial: number) => tombstone("m1", serial, { pipeline: world.pipeline });
    const codeOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "done",
        (thrown: unknown) => asUncoupleError(thrown).code,
      );
    const bury = async (serial: number): Promise<Tombstone> => {
      const made = stone(serial);
      expect(await one.retention.delete(made, (await one.retention.state()).position)).toBe(true);
      return made;
    };
    const pinned = async ({ retention }: Backplane): Promise<readonly SnapshotId[]> => (await retention.state()).pinned;

    beforeEach(async () => {
      world = await implementation.create();
      [one, two] = await Promise.all([world.open(), world.open()]);
      const made: SnapshotManifest[] = [];
      for (let run = 1; run <= 3; run++) {
        made.push(await one.registry.publish(draft({ pipeline: world.pipeline }), model(run), "any"));
      }
      manifests = made;
    });
    afterEach(() => world.destroy());

    test("nobody gets a model with a tombstone, and everything else about the snapshot stays", async () => {
      const made = await bury(1);
      for (const { registry, retention } of [one, two]) {
        const thrown = await registry.bytes(manifests[0] as SnapshotManifest).catch((error: unknown) => error);
        expect(thrown).toBeInstanceOf(DeletedError);
        expect(thrown).toMatchObject({ code: "deleted", snapshot: { component: "m1", serial: 1 } });
        expect(String(thrown)).toContain("m1@1 was deleted on 2026-03-01T00:00:00.000Z by policy (keep 20)");
        expect(await retention.tombstone("m1", 1)).toEqual(made);
        expect(await retention.tombstones()).toEqual([made]);
        expect(await registry.list()).toEqual(manifests);
        expect(await registry.manifest("m1", 1)).toEqual(manifests[0]);
        expect(Buffer.compare(await registry.bytes(manifests[1] as SnapshotManifest), model(2))).toBe(0);
      }
    });

    test("a purge removes what another process has decided to delete, once", async () => {
      await bury(1);
      await bury(2);
      expect(await two.retention.purge()).toEqual([
        { component: "m1", serial: 1 },
        { component: "m1", serial: 2 },
      ]);
      expect(await one.retention.purge()).toEqual([]);
      expect(await codeOf(one.registry.bytes(manifests[0] as SnapshotManifest))).toBe("deleted");
      expect(Buffer.compare(await two.registry.bytes(manifests[2] as SnapshotManifest), model(3))).toBe(0);
    });

    test("a snapshot is deleted once", async () => {
      await bury(1);
      const { position } = await two.retention.state();
      expect(await two.retention.delete({ ...stone(1), by: "another" }, position)).toBe(false);
      expect(await one.retention.tombstones()).toEqual([stone(1)]);
    });

    test("a pin that came after the decision prevents the deletion", async () => {
      const { position } = await one.retention.state();
      await two.retention.pin("run-a", { m1: 1 });
      expect(await one.retention.delete(stone(1), position)).toBe(false);
      expect(await one.retention.tombstone("m1", 1)).toBeUndefined();
      expect(await pinned(one)).toMatchObject([{ component: "m1", serial: 1 }]);
      expect(await one.retention.delete(stone(2), position)).toBe(true);
    });

    test("a pin fails after the deletion, and pins nothing", async () => {
      await bury(1);
      expect(await codeOf(two.retention.pin("run-a", { m0: 4, m1: 1 }))).toBe("deleted");
      expect(await pinned(one)).toEqual([]);
    });

    test("of a pin and a deletion at the same time, exactly one succeeds", async () => {
      for (const serial of [1, 2, 3]) {
        const { position } = await one.retention.state();
        const [deleted, pin] = await Promise.all([
          one.retention.delete(stone(serial), position),
          codeOf(two.retention.pin(`run-${serial}`, { m1: serial })),
        ]);
        expect(pin).toBe(deleted ? "deleted" : "done");
      }
    });

    test("holders pin side by side, also the same snapshot; each replaces and releases its own pins", async () => {
      await Promise.all([
        one.retention.pin("run-a", { m1: 1 }),
        two.retention.pin("run-b", { m1: 1 }),
        one.retention.pin("run-c", { m1: 3 }),
      ]);
      const serials = async (backplane: Backplane) =>
        (await pinned(backplane)).map(({ serial }) => serial).sort((a, b) => a - b);
      expect(await serials(two)).toEqual([1, 3]);
      await two.retention.release("run-b");
      expect(await serials(one)).toEqual([1, 3]);
      await one.retention.pin("run-a", { m1: 2 });
      expect(await serials(two)).toEqual([2, 3]);
      await one.retention.release("unknown");
      await two.retention.release("run-a");
      await one.retention.release("run-c");
      expect(await serials(two)).toEqual([]);
    });

    test("a pin that was released in the meantime prevents the deletion: its holder may have done anything", async () => {
      const { position } = await one.retention.state();
      await two.retention.pin("run-a", { m1: 1 });
      await two.retention.release("run-a");
      expect(await one.retention.delete(stone(1), position)).toBe(false);
      expect(await one.retention.delete(stone(1), (await one.retention.state()).position)).toBe(true);
    });

    test("an alias cannot point at a deleted snapshot, nor be rolled back to one", async () => {
      await one.registry.setAlias("m1", "champion", 1, null, "test");
      await one.registry.setAlias("m1", "champion", 2, 1, "test");
      await bury(1);
      expect(await codeOf(two.registry.setAlias("m1", "other", 1, null, "test"))).toBe("deleted");
      expect(await codeOf(two.registry.rollback("m1", "champion", "test"))).toBe("deleted");
      expect(await one.registry.aliases("m1")).toEqual({ champion: 2 });
      expect(await pinned(one)).toEqual([]);
    });

    test("a change of an alias prevents deletions that were decided before it", async () => {
      await one.registry.setAlias("m1", "champion", 2, null, "test");
      await one.registry.setAlias("m1", "champion", 3, 2, "test");
      const before = await one.retention.state();
      await two.registry.setAlias("m1", "other", 1, null, "test");
      expect(await one.retention.delete(stone(1), before.position)).toBe(false);
      const again = await one.retention.state();
      await two.registry.rollback("m1", "champion", "test");
      expect(await one.retention.delete(stone(2), again.position)).toBe(false);
      expect(await pinned(one)).toEqual([]);
    });

    test("tombstones are watched from a position on, without the pins between them", async () => {
      await bury(1);
      await two.retention.pin("run-a", { m1: 3 });
      await bury(2);
      const all = await take(two.retention.watch(0, new AbortController().signal), 2);
      expect(all.map(({ value }) => value)).toEqual([stone(1), stone(2)]);
      const [first, second] = all;
      expect(await two.retention.end()).toBe(second?.position);
      const rest = await take(one.retention.watch((first?.position ?? 0) + 1, new AbortController().signal), 1);
      expect(rest).toEqual([second]);
      await two.retention.pin("run-a", { m1: 3 });
      expect(await one.retention.end()).toBe(second?.position);
    });

    test("a model that is deleted while it is read is read whole, or not at all", async () => {
      const bytes = model(7, 3_000_000);
      const big = await one.registry.publish(draft({ pipeline: world.pipeline }), bytes, "any");
      const reading = Array.from({ length: 8 }, () =>
        two.registry.bytes(big).then(
          (read) => Buffer.compare(read, bytes),
          (thrown: unknown) => asUncoupleError(thrown).code,
        ),
      );
      await bury(big.serial);
      await one.retention.purge();
      for (const outcome of await Promise.all(reading)) expect([0, "deleted"]).toContain(outcome);
      expect(await codeOf(two.registry.bytes(big))).toBe("deleted");
    });
  });
}
