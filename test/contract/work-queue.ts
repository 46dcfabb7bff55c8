import { beforeEach, describe, expect, test } from "vitest";
import type { Backplane, WorkItem } from "../../services/registry/backplane.ts";
import { model } from "../helpers/drafts.ts";
import { never, type Pair } from "./implementation.ts";

/** Tests the contract of the work queue. @param opened the pair of the current test */
export function workQueueContract(opened: () => Pair): void {
  let one: Pair["one"];
  let two: Pair["two"];
  let draft: Pair["draft"];
  beforeEach(() => {
    ({ one, two, draft } = opened());
  });

  describe("the work queue", () => {
    test("two workers share the items, and each item is processed exactly once", async () => {
      const stop = new AbortController();
      const done: string[] = [];
      const by = new Set<string>();
      const total = 12;
      const work = async (name: string, backplane: Backplane) => {
        for await (const item of backplane.workQueue("evaluators").items(stop.signal)) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          await item.done();
          expect(item.delivery).toBe(1);
          done.push(`${item.announcement.manifest.component}@${item.announcement.manifest.serial}`);
          by.add(name);
          if (done.length === total) stop.abort();
        }
      };
      for (let i = 1; i <= total / 2; i++) await one.registry.publish(draft(), model(i), "any");
      const workers = Promise.all([work("a", one), work("b", two)]);
      for (let i = 1; i <= total / 2; i++) await one.registry.publish(draft({ component: "m2" }), model(i), "any");
      await workers;
      expect(done.toSorted()).toEqual(
        ["m1", "m2"].flatMap((component) => [1, 2, 3, 4, 5, 6].map((serial) => `${component}@${serial}`)),
      );
      expect(by).toEqual(new Set(["a", "b"]));
      expect(await one.workQueue("evaluators").pending()).toBe(0);
      expect(await one.workQueue("others").pending()).toBe(total);
    });

    test("an item abandoned by a worker goes to another worker", async () => {
      await one.registry.publish(draft(), model(1), null);
      await expect(
        (async () => {
          for await (const _ of one.workQueue("evaluators").items(never)) throw new Error("the worker broke");
        })(),
      ).rejects.toThrow("the worker broke");
      expect(await one.workQueue("evaluators").pending()).toBe(1);
      for await (const item of two.workQueue("evaluators").items(never)) {
        expect(item.announcement.manifest.serial).toBe(1);
        expect(item.delivery).toBe(2);
        await item.done();
        break;
      }
      expect(await two.workQueue("evaluators").pending()).toBe(0);
    });

    test("an item returned for a retry is redelivered and does not block others", async () => {
      await one.registry.publish(draft(), model(1), null);
      await one.registry.publish(draft(), model(2), 1);
      const seen: [number, number][] = [];
      for await (const item of one.workQueue("evaluators").items(never)) {
        seen.push([item.announcement.manifest.serial, item.delivery]);
        if (seen.length === 1) await item.retry();
        else await item.done();
        if (seen.length === 3) break;
      }
      expect(seen).toEqual([
        [1, 1],
        [2, 1],
        [1, 2],
      ]);
      expect(await one.workQueue("evaluators").pending()).toBe(0);
    });

    test("an item held when the signal aborts can still be finished", async () => {
      await one.registry.publish(draft(), model(1), null);
      const stop = new AbortController();
      let held: WorkItem | undefined;
      for await (const item of one.workQueue("evaluators").items(stop.signal)) {
        held = item;
        stop.abort();
      }
      await held?.done();
      expect(await two.workQueue("evaluators").pending()).toBe(0);
    });
  });
}
