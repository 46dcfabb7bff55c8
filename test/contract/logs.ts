import { beforeEach, describe, expect, test } from "vitest";
import { model } from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import { failure, never, type Pair } from "./implementation.ts";

/**
 * Tests the contract of the logs: their positions, watches, and what is appended once.
 * @param opened the pair of the current test
 */
export function logsContract(opened: () => Pair): void {
  let one: Pair["one"];
  let two: Pair["two"];
  let draft: Pair["draft"];
  let verdict: Pair["verdict"];
  let quarantine: Pair["quarantine"];
  beforeEach(() => {
    ({ one, two, draft, verdict, quarantine } = opened());
  });

  describe("positions", () => {
    test("the end of a log is the position of its newest entry", async () => {
      expect([await one.registry.end(), await one.verdicts.end()]).toEqual([0, 0]);
      for (let i = 1; i <= 2; i++) await one.registry.publish(draft(), model(i), "any");
      await one.verdicts.append(verdict("m1", 1));
      const announced = await take(two.registry.watch(0, never), 2);
      expect(await two.registry.end()).toBe(announced[1]?.position);
      expect(await two.verdicts.end()).toBe((await take(two.verdicts.watch(0, never), 1))[0]?.position);
    });

    test("a log is read from a position on, up to what it has", async () => {
      for (let serial = 1; serial <= 3; serial++) await one.verdicts.append(verdict("m1", serial));
      const all = await take(two.verdicts.read(0), 9);
      expect(all.map(({ value }) => value.serial)).toEqual([1, 2, 3]);
      expect(await take(two.verdicts.read(all[1]?.position ?? 0), 9)).toEqual(all.slice(1));
      expect(await take(two.verdicts.read((all[2]?.position ?? 0) + 1), 9)).toEqual([]);
      expect(await take(two.quarantines.read(0), 9)).toEqual([]);
    });

    test("a run is found by what it published", async () => {
      const mine = await one.registry.publish(draft({ runId: "mine" }), model(1), null);
      await one.registry.publish(draft({ runId: "other" }), model(2), 1);
      expect(await two.registry.ofRun("m1", "mine")).toEqual(mine);
      expect(await two.registry.ofRun("m1", "nobody")).toBeUndefined();
      expect(await two.registry.ofRun("m2", "mine")).toBeUndefined();
    });
  });

  describe("watching", () => {
    test("a watch delivers past announcements, then live ones, in order", async () => {
      for (let i = 1; i <= 3; i++) await one.registry.publish(draft(), model(i), "any");
      const watched = take(two.registry.watch(0, never), 6);
      for (let i = 4; i <= 6; i++) await one.registry.publish(draft(), model(i), "any");
      const announcements = await watched;
      expect(announcements.map(({ manifest }) => manifest.serial)).toEqual([1, 2, 3, 4, 5, 6]);
      const positions = announcements.map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(new Set(positions).size).toBe(6);
    });

    test("a watch resumes after the last seen position", async () => {
      for (let i = 1; i <= 4; i++) await one.registry.publish(draft(), model(i), "any");
      const [, second] = await take(two.registry.watch(0, never), 2);
      const from = (second?.position ?? 0) + 1;
      const rest = await take(two.registry.watch(from, never), 2);
      expect(rest.map(({ manifest }) => manifest.serial)).toEqual([3, 4]);
    });

    test("a watch ends without an error when its signal aborts", async () => {
      await one.registry.publish(draft(), model(1), null);
      const stop = new AbortController();
      const seen: number[] = [];
      for await (const { manifest } of one.registry.watch(0, stop.signal)) {
        seen.push(manifest.serial);
        setTimeout(() => stop.abort(), 20);
      }
      expect(seen).toEqual([1]);
    });

    test("closing the backplane ends its watches", async () => {
      const ended = (async () => {
        for await (const _ of one.registry.watch(0, never)) throw new Error("nothing was announced");
      })();
      await one.close();
      await ended;
      expect(one.connection()).toBe("closed");
      await one.close();
    });

    test("a watch, a work queue and a lease request on a closed backplane end immediately", async () => {
      await one.close();
      expect(await take(one.registry.watch(0, never), 1)).toEqual([]);
      expect(await take(one.verdicts.watch(0, never), 1)).toEqual([]);
      expect(await take(one.workQueue("evaluators").items(never), 1)).toEqual([]);
      expect(await failure(one.leases.acquire("training", "ann", never))).toMatchObject({ code: "cancelled" });
    });
  });

  describe("once logs", () => {
    test("exactly one of several concurrent verdicts on a snapshot is kept", async () => {
      const appended = await Promise.all(
        Array.from({ length: 6 }, (_, i) => (i % 2 ? one : two).verdicts.append(verdict("m1", 1, `evaluator-${i}`))),
      );
      expect(appended.filter(Boolean)).toHaveLength(1);
      const winner = `evaluator-${appended.indexOf(true)}`;
      expect(await one.verdicts.list()).toEqual([verdict("m1", 1, winner)]);
      expect(await two.verdicts.get("m1", 1)).toMatchObject({ evaluator: winner });
      expect(await two.verdicts.get("m1", 2)).toBeUndefined();
      expect(await one.verdicts.append(verdict("m1", 2))).toBe(true);
      expect(await two.verdicts.append(verdict("m1", 2))).toBe(false);
    });

    test("a watch of verdicts delivers past verdicts, then live ones", async () => {
      await one.verdicts.append(verdict("m1", 1));
      const watched = take(two.verdicts.watch(0, never), 3);
      await one.verdicts.append(verdict("m2", 1));
      await one.verdicts.append(verdict("m1", 2));
      const logged = await watched;
      expect(logged.map(({ value }) => `${value.component}@${value.serial}`)).toEqual(["m1@1", "m2@1", "m1@2"]);
      const from = (logged[0]?.position ?? 0) + 1;
      expect((await take(one.verdicts.watch(from, never), 1))[0]?.value).toEqual(verdict("m2", 1));
    });

    test("quarantines have their own log", async () => {
      expect(await one.quarantines.append(quarantine("m1", 1))).toBe(true);
      expect(await two.quarantines.list()).toEqual([quarantine("m1", 1)]);
      expect(await two.verdicts.list()).toEqual([]);
    });
  });
}
