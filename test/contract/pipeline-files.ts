import { beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../services/pipeline/pipeline-content.ts";
import { take } from "../helpers/take.ts";
import type { Pair } from "./implementation.ts";

/** Tests the contract of the log of applied pipeline files. @param opened the pair of the current test */
export function pipelineFilesContract(opened: () => Pair): void {
  let world: Pair["world"];
  let one: Pair["one"];
  let two: Pair["two"];
  beforeEach(() => {
    ({ world, one, two } = opened());
  });

  describe("applied pipeline files", () => {
    const content = (objective: string) => ({ name: world.pipeline, objective, components: {} });

    test("another process sees the file in force and the history, with digests of the content", async () => {
      expect(await one.pipelines.current()).toBeUndefined();
      const first = await one.pipelines.apply(content("a"), null, "ann");
      const second = await two.pipelines.apply(content("b"), first.digest, "ben");
      expect(second).toMatchObject({ previous: first.digest, by: "ben", content: content("b") });
      expect(second.digest).toBe(digestOf(content("b")));
      expect((await one.pipelines.current())?.value).toEqual(second);
      expect((await one.pipelines.history()).map(({ value }) => value)).toEqual([first, second]);
    });

    test("of two that are applied concurrently, one is in force and the other a conflict", async () => {
      const outcomes = await Promise.allSettled([
        one.pipelines.apply(content("a"), null, "ann"),
        two.pipelines.apply(content("b"), null, "ben"),
      ]);
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed).toHaveLength(1);
      expect(failed[0]?.reason).toMatchObject({ code: "conflict" });
      expect(await one.pipelines.history()).toHaveLength(1);
    });

    test("an earlier file can be in force again", async () => {
      const first = await one.pipelines.apply(content("a"), null, "ann");
      const second = await one.pipelines.apply(content("b"), first.digest, "ann");
      await one.pipelines.apply(content("a"), second.digest, "ann");
      expect((await two.pipelines.current())?.value.digest).toBe(first.digest);
      expect(await two.pipelines.history()).toHaveLength(3);
    });

    test("a watch gets earlier and later ones in order", async () => {
      const first = await one.pipelines.apply(content("a"), null, "ann");
      const stop = new AbortController();
      const watched = take(two.pipelines.watch(0, stop.signal), 2);
      const second = await one.pipelines.apply(content("b"), first.digest, "ann");
      expect((await watched).map(({ value }) => value)).toEqual([first, second]);
      stop.abort();
    });
  });
}
