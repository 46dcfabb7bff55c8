import { beforeEach, describe, expect, test } from "vitest";
import { model } from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import { failure, never, type Pair } from "./implementation.ts";

/** Tests the contract of aliases. @param opened the pair of the current test */
export function aliasesContract(opened: () => Pair): void {
  let one: Pair["one"];
  let two: Pair["two"];
  let draft: Pair["draft"];
  beforeEach(() => {
    ({ one, two, draft } = opened());
  });

  describe("aliases", () => {
    beforeEach(async () => {
      for (let i = 1; i <= 3; i++) await one.registry.publish(draft(), model(i), "any");
    });

    test("an alias is set, moved and removed, and the log has each change", async () => {
      expect(await one.registry.aliases("m1")).toEqual({});
      await one.registry.setAlias("m1", "champion", 1, null, "ann: first");
      await two.registry.setAlias("m1", "champion", 3, 1, "bob: better");
      await two.registry.setAlias("m1", "shadow", 2, null, "bob");
      expect(await one.registry.aliases("m1")).toEqual({ champion: 3, shadow: 2 });
      await one.registry.setAlias("m1", "shadow", null, 2, "ann");
      expect(await two.registry.aliases("m1")).toEqual({ champion: 3 });
      expect(await two.registry.aliases("m2")).toEqual({});
      expect(
        (await one.registry.aliasLog("m1")).map(({ alias, serial, previous, by }) => [alias, serial, previous, by]),
      ).toEqual([
        ["champion", 1, null, "ann: first"],
        ["champion", 3, 1, "bob: better"],
        ["shadow", 2, null, "bob"],
        ["shadow", null, 2, "ann"],
      ]);
    });

    test("an alias is looked up in all components at once", async () => {
      await one.registry.publish(draft({ component: "m2" }), model(1), null);
      await one.registry.setAlias("m1", "champion", 1, null, "ann");
      await two.registry.setAlias("m1", "champion", 3, 1, "bob");
      await one.registry.setAlias("m2", "champion", 1, null, "ann");
      expect(await two.registry.aliased("champion")).toEqual({ m1: 3, m2: 1 });
      await one.registry.setAlias("m2", "champion", null, 1, "ann");
      expect(await two.registry.aliased("champion")).toEqual({ m1: 3 });
      expect(await two.registry.aliased("nothing")).toEqual({});
    });

    test("a watch of aliases delivers past changes, then live ones of every component", async () => {
      await one.registry.publish(draft({ component: "m2" }), model(1), null);
      await one.registry.setAlias("m1", "champion", 1, null, "ann");
      const watched = take(two.registry.watchAliases(0, never), 3);
      await one.registry.setAlias("m2", "champion", 1, null, "ann");
      await one.registry.setAlias("m1", "champion", 2, 1, "ann");
      const changes = await watched;
      expect(changes.map(({ value }) => [value.component, value.serial])).toEqual([
        ["m1", 1],
        ["m2", 1],
        ["m1", 2],
      ]);
      const from = (changes[1]?.position ?? 0) + 1;
      expect(await take(one.registry.watchAliases(from, never), 1)).toEqual([changes[2]]);
    });

    test("an alias moves only if it points to the expected snapshot", async () => {
      await one.registry.setAlias("m1", "champion", 1, null, "ann");
      for (const expected of [null, 2]) {
        const error = await failure(two.registry.setAlias("m1", "champion", 3, expected, "bob"));
        expect(error).toMatchObject({ code: "conflict", message: expect.stringContaining("m1@1") });
      }
      expect(await one.registry.aliasLog("m1")).toHaveLength(1);
    });

    test("exactly one of several concurrent moves succeeds", async () => {
      const moves = [one, two, one, two].map(({ registry }, i) =>
        registry.setAlias("m1", "champion", 1 + (i % 3), null, `contender ${i}`),
      );
      const outcomes = await Promise.allSettled(moves);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await two.registry.aliasLog("m1")).toHaveLength(1);
    });

    test("different aliases of a component move concurrently without a conflict", async () => {
      await Promise.all(
        ["a", "b", "c", "d"].map((alias, i) => (i % 2 ? one : two).registry.setAlias("m1", alias, 1, null, "ann")),
      );
      expect(await one.registry.aliases("m1")).toEqual({ a: 1, b: 1, c: 1, d: 1 });
    });

    test.each(["", "Champion", "1st", "a.b", "a b", "x".repeat(64)])("%j is not a valid alias", async (alias) => {
      const error = await failure(one.registry.setAlias("m1", alias, 1, null, "ann"));
      expect(error).toMatchObject({ code: "invalid-argument" });
    });

    test("an alias cannot point to an unpublished snapshot", async () => {
      const error = await failure(one.registry.setAlias("m1", "champion", 4, null, "ann"));
      expect(error).toMatchObject({ code: "not-found", message: expect.stringContaining("m1@4") });
    });

    test("repeated rollbacks go further back, until no change is left", async () => {
      await one.registry.setAlias("m1", "champion", 1, null, "ann");
      await one.registry.setAlias("m1", "champion", 2, 1, "ann");
      await one.registry.setAlias("m1", "champion", 3, 2, "ann");
      expect(await two.registry.rollback("m1", "champion", "bob")).toMatchObject({
        kind: "rollback",
        serial: 2,
        previous: 3,
      });
      expect((await two.registry.rollback("m1", "champion", "bob")).serial).toBe(1);
      const error = await failure(one.registry.rollback("m1", "champion", "bob"));
      expect(error).toMatchObject({ code: "failed-precondition", message: expect.stringContaining("champion") });
      expect(await one.registry.aliases("m1")).toEqual({ champion: 1 });
      expect((await one.registry.aliasLog("m1")).map(({ serial }) => serial)).toEqual([1, 2, 3, 2, 1]);
    });

    test("a rollback after a rollback and a new change undoes only the new change", async () => {
      const move = async (serial: number | null, expected: number | null) =>
        one.registry.setAlias("m1", "champion", serial, expected, "ann");
      await move(1, null);
      await move(2, 1);
      await one.registry.rollback("m1", "champion", "ann");
      await move(3, 1);
      expect((await one.registry.rollback("m1", "champion", "ann")).serial).toBe(1);
      await move(null, 1);
      expect((await one.registry.rollback("m1", "champion", "ann")).serial).toBe(1);
      expect(await failure(one.registry.rollback("m1", "champion", "ann"))).toMatchObject({
        code: "failed-precondition",
      });
    });
  });
}
