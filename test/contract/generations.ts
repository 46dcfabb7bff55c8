import { beforeEach, describe, expect, test } from "vitest";
import * as make from "../helpers/drafts.ts";
import type { Pair } from "./implementation.ts";

/** Tests the contract of the log of generations of held-out rows. @param opened the pair of the current test */
export function generationsContract(opened: () => Pair): void {
  let world: Pair["world"];
  let one: Pair["one"];
  let two: Pair["two"];
  beforeEach(() => {
    ({ world, one, two } = opened());
  });

  describe("generations of held-out rows", () => {
    const generation = (number: number, evaluator = "e1") =>
      make.generation(number, { pipeline: world.pipeline, evaluator });

    test("are numbered from 1, and another process sees the newest and all of them", async () => {
      expect(await one.generations.current()).toBeUndefined();
      expect(await one.generations.start(generation(2))).toBe(false);
      expect(await one.generations.start(generation(1))).toBe(true);
      expect(await two.generations.start({ ...generation(2), heldOutAfter: "2026-01-01T00:00:00.000Z" })).toBe(true);
      expect(await one.generations.current()).toEqual({
        ...generation(2),
        heldOutAfter: "2026-01-01T00:00:00.000Z",
      });
      expect((await two.generations.history()).map((each) => each.generation)).toEqual([1, 2]);
    });

    test("one of several evaluators that start one at the same time does, and all see the same", async () => {
      const started = await Promise.all([
        one.generations.start(generation(1, "e1")),
        two.generations.start(generation(1, "e2")),
        one.generations.start(generation(1, "e3")),
      ]);
      expect(started.filter(Boolean)).toHaveLength(1);
      expect(await one.generations.current()).toEqual(await two.generations.current());
      expect(await one.generations.history()).toHaveLength(1);
    });

    test("do not disturb the applied pipeline files", async () => {
      const content = { name: world.pipeline, components: {} };
      const applied = await one.pipelines.apply(content, null, "ann");
      await one.generations.start(generation(1));
      expect((await two.pipelines.current())?.value).toEqual(applied);
      const next = await two.pipelines.apply({ ...content, objective: "m1" }, applied.digest, "ben");
      expect((await one.pipelines.history()).map(({ value }) => value)).toEqual([applied, next]);
      expect(await one.generations.current()).toEqual(generation(1));
    });
  });
}
