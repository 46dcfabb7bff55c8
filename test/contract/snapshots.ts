import { beforeEach, describe, expect, test } from "vitest";
import type { Backplane } from "../../services/registry/backplane.ts";
import { model } from "../helpers/drafts.ts";
import { failure, type Pair } from "./implementation.ts";

/** Tests the contract of publishing snapshots and reading them. @param opened the pair of the current test */
export function snapshotsContract(opened: () => Pair): void {
  let world: Pair["world"];
  let one: Pair["one"];
  let two: Pair["two"];
  let draft: Pair["draft"];
  beforeEach(() => {
    ({ world, one, two, draft } = opened());
  });

  describe("publishing", () => {
    test("another process reads back a published snapshot completely", async () => {
      const bytes = model(1, 1_500_000);
      const manifest = await one.registry.publish(draft({ runId: "r1" }), bytes, null);
      expect(manifest).toMatchObject({ version: 2, component: "m1", serial: 1, parent: null, size: 1_500_000 });
      expect(manifest.digest).toMatch(/^[0-9a-f]{64}$/);
      expect(await two.registry.manifest("m1", 1)).toEqual(manifest);
      expect(await two.registry.latest("m1")).toEqual(manifest);
      expect(Buffer.compare(await two.registry.bytes(manifest), bytes)).toBe(0);
    });

    test("changing the bytes after publishing has no effect", async () => {
      const bytes = model(1);
      const manifest = await one.registry.publish(draft(), bytes, null);
      bytes.fill(0);
      (await one.registry.bytes(manifest)).fill(0);
      expect(Buffer.compare(await one.registry.bytes(manifest), model(1))).toBe(0);
    });

    test("three concurrent publishers get exactly the serials 1 to N", async () => {
      const three = await world.open();
      const publish = async (backplane: Backplane) => {
        const serials: number[] = [];
        for (let i = 0; i < 8; i++) {
          serials.push((await backplane.registry.publish(draft(), model(i), "any")).serial);
        }
        return serials;
      };
      const serials = (await Promise.all([one, two, three].map(publish))).flat();
      const expected = Array.from({ length: 24 }, (_, i) => i + 1);
      expect(serials.toSorted((a, b) => a - b)).toEqual(expected);
      const listed = await one.registry.list("m1");
      expect(listed.map(({ serial }) => serial)).toEqual(expected);
      expect(listed.map(({ parent }) => parent)).toEqual([null, ...expected.slice(0, -1)]);
    });

    test("each component has its own serials", async () => {
      await one.registry.publish(draft({ component: "m1" }), model(1), null);
      const m2 = await two.registry.publish(
        draft({ component: "m2", provenance: { upstream: { m1: 1 } } }),
        model(2),
        null,
      );
      expect(m2).toMatchObject({ component: "m2", serial: 1, provenance: { upstream: { m1: 1 } } });
      expect((await one.registry.list()).map(({ component }) => component)).toEqual(["m1", "m2"]);
      expect((await one.registry.list("m2")).map(({ component }) => component)).toEqual(["m2"]);
    });

    test("a publish aborted halfway publishes nothing and can be retried", async () => {
      const stop = new AbortController();
      const large = model(1, 9_000_000);
      const publishing = failure(one.registry.publish(draft({ runId: "r1" }), large, null, stop.signal));
      await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      expect(await publishing).toMatchObject({ code: "cancelled", message: expect.stringContaining("r1") });
      expect(await two.registry.list()).toEqual([]);
      expect(await one.registry.publish(draft({ runId: "r1" }), large, null)).toMatchObject({ serial: 1 });
    });

    test("of two publishers with the same parent, one publishes and the other gets a conflict", async () => {
      await one.registry.publish(draft(), model(1), null);
      const outcomes = await Promise.allSettled([
        one.registry.publish(draft({ runId: "a" }), model(2), 1),
        two.registry.publish(draft({ runId: "b" }), model(3), 1),
      ]);
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed).toHaveLength(1);
      expect(failed[0]?.reason).toMatchObject({ code: "conflict" });
      expect(await one.registry.list("m1")).toHaveLength(2);
    });

    test("a stale parent publishes nothing", async () => {
      await one.registry.publish(draft(), model(1), null);
      await one.registry.publish(draft(), model(2), 1);
      for (const parent of [null, 1, 3]) {
        const error = await failure(two.registry.publish(draft(), model(3), parent));
        expect(error).toMatchObject({ code: "conflict", message: expect.stringContaining("m1@2") });
      }
      expect(await two.registry.list("m1")).toHaveLength(2);
    });

    test("a run that publishes again gets its own manifest back, even after other publishes", async () => {
      const mine = draft({ runId: "mine" });
      const first = await one.registry.publish(mine, model(1), null);
      await two.registry.publish(draft(), model(2), 1);
      expect(await two.registry.publish(mine, model(1), null)).toEqual(first);
      expect(await one.registry.publish(mine, model(1), "any")).toEqual(first);
      expect(await one.registry.list("m1")).toHaveLength(2);
    });

    test("two concurrent publishes of the same run publish once", async () => {
      const mine = draft({ runId: "mine" });
      const [first, second] = await Promise.all([
        one.registry.publish(mine, model(1), null),
        two.registry.publish(mine, model(1), null),
      ]);
      expect(first).toEqual(second);
      expect(await one.registry.list("m1")).toHaveLength(1);
      expect(Buffer.compare(await one.registry.bytes(first), model(1))).toBe(0);
    });

    test("a run cannot publish different bytes", async () => {
      const mine = draft({ runId: "mine" });
      await one.registry.publish(mine, model(1), null);
      expect(await failure(one.registry.publish(mine, model(2), "any"))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("mine"),
      });
    });

    test.each([
      ["a different pipeline", { pipeline: "other" }, model(1)],
      ["an invalid component name", { component: "M.1" }, model(1)],
      ["no run id", { runId: "" }, model(1)],
      ["a loss that JSON cannot represent", { provenance: { trainingLoss: Number.NaN } }, model(1)],
      ["no bytes", {}, new Uint8Array(0)],
    ])("a draft with %s is rejected and has no effect", async (_, bad, bytes) => {
      expect(await failure(one.registry.publish(draft(bad), bytes, null))).toMatchObject({
        code: "invalid-argument",
      });
      expect((await one.registry.publish(draft(), model(1), null)).serial).toBe(1);
    });
  });

  describe("reading", () => {
    test("an unpublished snapshot is not found", async () => {
      await one.registry.publish(draft(), model(1), null);
      expect(await failure(two.registry.manifest("m1", 2))).toMatchObject({
        code: "not-found",
        message: expect.stringContaining("m1@2"),
      });
      expect(await failure(two.registry.manifest("m9", 1))).toMatchObject({ code: "not-found" });
      const real = await two.registry.manifest("m1", 1);
      expect(await failure(two.registry.bytes({ ...real, serial: 2 }))).toMatchObject({ code: "not-found" });
      expect(await two.registry.latest("m9")).toBeUndefined();
      expect(await two.registry.list("m9")).toEqual([]);
    });

    test("bytes that do not match the manifest are data loss", async () => {
      const real = await one.registry.publish(draft(), model(1), null);
      const digest = real.digest.replace(/^./, (first) => (first === "0" ? "1" : "0"));
      for (const wrong of [{ digest }, { size: 63 }, { size: 65 }]) {
        const error = await failure(two.registry.bytes({ ...real, ...wrong }));
        expect(error).toMatchObject({ code: "data-loss", message: expect.stringContaining("m1@1") });
      }
      expect(Buffer.compare(await two.registry.bytes(real), model(1))).toBe(0);
    });
  });
}
