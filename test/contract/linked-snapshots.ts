import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SnapshotDraft, SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { DeletedError } from "../../services/pipeline/tombstone.ts";
import type { Backplane, Neighbor } from "../../services/registry/backplane.ts";
import { draft, model, tombstone } from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import { failure, type Implementation, never, type World } from "./implementation.ts";

/** Tests what a pipeline does with the snapshots of another one in the same store, on an implementation. */
export function linkedSnapshotsContract(implementation: Implementation): void {
  describe(`${implementation.name} linked snapshots`, () => {
    beforeAll(() => implementation.start());
    afterAll(() => implementation.stop());
    let owner: World;
    let user: World;
    let ads: Backplane;
    let one: Backplane;
    let two: Backplane;
    let original: SnapshotManifest;
    let origin: { readonly pipeline: string; readonly component: string; readonly serial: number };
    const linkDraft = (runId = "link"): SnapshotDraft =>
      draft({ pipeline: user.pipeline, component: "click", runId, provenance: { origin } });
    const reference = (holder = "click") => ({ component: "m1", serial: 2, by: user.pipeline, holder });
    const bury = async () => {
      const { position } = await ads.retention.state();
      return ads.retention.delete(tombstone("m1", 2, { pipeline: owner.pipeline }), position);
    };

    beforeEach(async () => {
      [owner, user] = [await implementation.create(), await implementation.create()];
      [ads, one, two] = await Promise.all([owner.open(), user.open(), user.open()]);
      await ads.registry.publish(draft({ pipeline: owner.pipeline }), model(1), "any");
      original = await ads.registry.publish(draft({ pipeline: owner.pipeline }), model(2), "any");
      origin = { pipeline: owner.pipeline, component: "m1", serial: 2 };
    });
    afterEach(async () => {
      await user.destroy();
      await owner.destroy();
    });

    test("a linked snapshot is one of its own pipeline, and has the bytes of its owner's, which are stored once", async () => {
      const linked = await one.registry.link(linkDraft(), original, null);
      expect(linked).toMatchObject({ component: "click", serial: 1, parent: null, digest: original.digest });
      expect(linked.provenance.origin).toEqual(origin);
      for (const { registry, usage } of [one, two]) {
        expect(await registry.list()).toEqual([linked]);
        expect(await registry.ofRun("click", "link")).toEqual(linked);
        expect(Buffer.compare(await registry.bytes(linked), model(2))).toBe(0);
        expect((await usage()).models.used).toBe(0);
      }
      expect(await take(two.registry.watch(0, never), 1)).toMatchObject([{ manifest: linked }]);
    });

    test("linked and published snapshots share the serials of a component", async () => {
      const published = draft({ pipeline: user.pipeline, component: "click" });
      await one.registry.publish(published, model(5), null);
      expect(await two.registry.link(linkDraft(), original, 1)).toMatchObject({ serial: 2, parent: 1 });
      await one.registry.publish({ ...published, runId: "next" }, model(6), 2);
      expect(await failure(two.registry.link(linkDraft("late"), original, 2))).toMatchObject({ code: "conflict" });
      expect((await two.registry.list()).map(({ serial }) => serial)).toEqual([1, 2, 3]);
    });

    test("a run links once, also when several processes do it at the same time", async () => {
      const all = await Promise.all(
        [one, two, one, two].map(({ registry }) => registry.link(linkDraft(), original, "any")),
      );
      expect(new Set(all.map(({ serial }) => serial))).toEqual(new Set([1]));
      expect(await one.registry.list()).toHaveLength(1);
    });

    test("a draft without an origin, or of another pipeline, is refused", async () => {
      const without = draft({ pipeline: user.pipeline, component: "click" });
      expect(await failure(one.registry.link(without, original, null))).toMatchObject({
        code: "invalid-argument",
        message: "click: a linked snapshot needs provenance.origin",
      });
      expect(await failure(one.registry.publish(linkDraft(), model(2), null))).toMatchObject({
        code: "invalid-argument",
        message: "click: only a linked snapshot has provenance.origin",
      });
      const foreign = { ...linkDraft(), pipeline: owner.pipeline };
      expect(await failure(one.registry.link(foreign, original, null))).toMatchObject({ code: "invalid-argument" });
      expect(await one.registry.list()).toEqual([]);
    });

    test("bytes that are not what the link says are not returned", async () => {
      const linked = await one.registry.link(linkDraft(), { ...original, digest: "0".repeat(64) }, null);
      expect(await failure(two.registry.bytes(linked))).toMatchObject({
        code: "data-loss",
        message: expect.stringContaining(`click@1 is ${owner.pipeline}/m1@2`),
      });
    });

    test("without its owner, a linked snapshot cannot be read, and is not at fault", async () => {
      for (const wrong of [
        { ...origin, pipeline: "nobody" },
        { ...origin, serial: 9 },
      ]) {
        const made = { ...linkDraft(`of-${wrong.pipeline}`), provenance: { origin: wrong } };
        const linked = await one.registry.link(made, original, "any");
        expect(await failure(two.registry.bytes(linked))).toMatchObject({ code: "failed-precondition" });
      }
      expect(await failure(one.neighbor("nobody"))).toMatchObject({ code: "not-found" });
    });

    test("a reference keeps the owner's model until it is released, and says who uses it", async () => {
      const there: Neighbor = await one.neighbor(owner.pipeline);
      await there.retention.refer(reference());
      await (await two.neighbor(owner.pipeline)).retention.refer(reference("other"));
      const { pinned, references } = await ads.retention.state();
      expect(pinned).toEqual([{ component: "m1", serial: 2 }]);
      expect(references).toEqual([reference(), reference("other")]);
      await there.retention.release("click");
      expect((await ads.retention.state()).references).toEqual([reference("other")]);
      await there.retention.release("other");
      expect(await ads.retention.state()).toMatchObject({ pinned: [], references: [] });
      expect(await bury()).toBe(true);
    });

    test("a reference that came after the decision prevents the deletion; after the deletion, it fails", async () => {
      const there = await one.neighbor(owner.pipeline);
      const { position } = await ads.retention.state();
      await there.retention.refer(reference());
      const stone = tombstone("m1", 2, { pipeline: owner.pipeline });
      expect(await ads.retention.delete(stone, position)).toBe(false);
      await there.retention.release("click");
      expect(await bury()).toBe(true);
      expect(await failure(there.retention.refer(reference()))).toBeInstanceOf(DeletedError);
      expect((await ads.retention.state()).references).toEqual([]);
    });

    test("a pin of a component with the name of the pipeline is no reference", async () => {
      await ads.retention.pin("run", { m1: 2 }, user.pipeline);
      expect(await ads.retention.state()).toMatchObject({ pinned: [{ component: "m1", serial: 2 }], references: [] });
    });

    test("readers of a linked snapshot whose model the owner has deleted are told of the snapshot that they asked for", async () => {
      const linked = await one.registry.link(linkDraft(), original, null);
      expect(await bury()).toBe(true);
      await ads.retention.purge();
      const thrown = await failure(two.registry.bytes(linked));
      expect(thrown).toMatchObject({ code: "deleted", snapshot: { component: "click", serial: 1 } });
      expect(thrown.message).toContain(`click@1 is ${owner.pipeline}/m1@2, which was deleted on`);
    });

    test("deleting a link leaves the owner's model", async () => {
      const linked = await one.registry.link(linkDraft(), original, null);
      const stone = tombstone("click", 1, { pipeline: user.pipeline });
      expect(await one.retention.delete(stone, (await one.retention.state()).position)).toBe(true);
      expect(await two.retention.purge()).toEqual([]);
      expect(await failure(two.registry.bytes(linked))).toBeInstanceOf(DeletedError);
      expect(Buffer.compare(await ads.registry.bytes(original), model(2))).toBe(0);
    });
  });
}
