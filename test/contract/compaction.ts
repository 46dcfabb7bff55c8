import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SnapshotId, snapshotName } from "../../services/pipeline/manifest.ts";
import type { Composition, Logged, PairedComparison } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { collect } from "../../services/registry/logged.ts";
import type { AliasChange } from "../../services/registry/registry.ts";
import * as make from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import type { Implementation, World } from "./implementation.ts";

const never = new AbortController().signal;

/** Tests the contract of `Compaction`, and what readers of compacted logs get, on an implementation. */
export function compactionContract(implementation: Implementation): void {
  describe(`${implementation.name} compaction`, () => {
    beforeAll(() => implementation.start());
    afterAll(() => implementation.stop());
    let world: World;
    let one: Backplane;
    let two: Backplane;
    const verdict = (serial: number, change = {}) =>
      make.verdict("m1", serial, { pipeline: world.pipeline, ...change });
    const quarantine = (serial: number) => make.quarantine("m1", serial, { pipeline: world.pipeline });
    const bury = async (...serials: readonly number[]) => {
      for (const serial of serials) {
        const made = make.tombstone("m1", serial, { pipeline: world.pipeline });
        expect(await one.retention.delete(made, (await one.retention.state()).position)).toBe(true);
      }
    };
    const listed = async (read: AsyncIterable<Logged<SnapshotId>>): Promise<readonly string[]> =>
      (await collect(read)).map(snapshotName);
    const aliasChanges = async ({ registry }: Backplane): Promise<readonly Logged<AliasChange>[]> =>
      take(registry.watchAliases(0, never), (await registry.aliasLog("m1")).length);

    beforeEach(async () => {
      world = await implementation.create();
      [one, two] = await Promise.all([world.open(), world.open()]);
      for (let run = 1; run <= 4; run++) {
        await one.registry.publish(make.draft({ pipeline: world.pipeline }), make.model(run), "any");
      }
    });
    afterEach(() => world.destroy());

    test("verdicts and quarantines of deleted snapshots are removed, in every process, and the others keep their positions", async () => {
      for (const serial of [1, 2, 3]) await one.verdicts.append(verdict(serial));
      for (const serial of [2, 4]) await one.quarantines.append(quarantine(serial));
      expect(await listed(two.verdicts.read(0))).toEqual(["m1@1", "m1@2", "m1@3"]);
      expect(await two.quarantines.get("m1", 2)).toEqual(quarantine(2));
      const [, , kept] = await take(one.verdicts.watch(0, never), 3);
      const end = await one.verdicts.end();
      await bury(1, 2);
      expect(await one.compaction.find(0)).toEqual([
        { log: "verdicts", removed: 2, kept: 1 },
        { log: "quarantines", removed: 1, kept: 1 },
      ]);
      expect(await two.verdicts.list()).toHaveLength(3);
      const removed = await one.compaction.compact(0, never);
      expect(removed).toEqual([
        { log: "verdicts", removed: 2, kept: 1 },
        { log: "quarantines", removed: 1, kept: 1 },
      ]);
      for (const backplane of [one, two, await world.open()]) {
        const { verdicts, quarantines, compaction } = backplane;
        expect(await verdicts.get("m1", 1)).toBeUndefined();
        expect(await verdicts.get("m1", 3)).toEqual(verdict(3));
        expect(await verdicts.list()).toEqual([verdict(3)]);
        expect(await take(verdicts.read(0), 5)).toEqual([kept]);
        expect(await take(verdicts.watch(0, never), 1)).toEqual([kept]);
        expect(await verdicts.end()).toBe(end);
        expect(await quarantines.get("m1", 2)).toBeUndefined();
        expect(await quarantines.list()).toEqual([quarantine(4)]);
        expect(await compaction.compact(0, never)).toEqual([]);
        expect(await compaction.find(0)).toEqual([]);
      }
    });

    test("the newest entry stays until there is a newer one, and watchers go on", async () => {
      const stop = new AbortController();
      await one.verdicts.append(verdict(1));
      const watched = take(two.verdicts.watch(0, stop.signal), 2);
      await bury(1);
      expect(await one.compaction.compact(0, never)).toEqual([]);
      expect(await two.verdicts.end()).toBe(await one.verdicts.end());
      await two.verdicts.append(verdict(2));
      await bury(2);
      expect(await one.compaction.compact(0, never)).toEqual([{ log: "verdicts", removed: 1, kept: 1 }]);
      expect((await watched).map(({ value }) => value)).toEqual([verdict(1), verdict(2)]);
      expect((await take((await world.open()).verdicts.watch(0, stop.signal), 1))[0]?.value).toEqual(verdict(2));
      expect(await two.verdicts.append(verdict(3))).toBe(true);
      expect(await listed(one.verdicts.read(0))).toEqual(["m1@2", "m1@3"]);
      stop.abort();
    });

    test("a verdict stays that alone compares a stored snapshot", async () => {
      const compare = (current: Composition, candidate: Composition): PairedComparison => ({
        ...{
          current,
          candidate,
          currentLoss: 1,
          candidateLoss: 1,
          difference: 0,
          interval: [0, 0],
          kind: "inconclusive",
        },
      });
      await one.verdicts.append(verdict(1, { comparison: compare({ m1: 4, m2: 1 }, { m1: 1, m2: 1 }) }));
      await one.verdicts.append(verdict(2, { comparison: compare({ m1: 4, m2: 1 }, { m1: 2, m2: 1 }) }));
      await one.verdicts.append(verdict(3, { alternatives: [compare({ m1: 3, m2: 1 }, { m1: 2, m2: 1 })] }));
      await bury(1, 2);
      expect(await one.compaction.compact(0, never)).toEqual([{ log: "verdicts", removed: 1, kept: 2 }]);
      expect(await listed(two.verdicts.read(0))).toEqual(["m1@1", "m1@3"]);
    });

    test("aliases point where they did, change as before, and can be rolled back as far as was asked", async () => {
      const { registry } = one;
      const serials = [1, 2, 3, 4, 1, 2, 3, 4, 3, 2, 1, 4];
      let now: number | null = null;
      for (const serial of serials) now = (await registry.setAlias("m1", "champion", serial, now, "t")).serial;
      await registry.setAlias("m1", "audited", 2, null, "t");
      const before = await aliasChanges(two);
      expect(before).toHaveLength(13);
      expect(await one.compaction.find(2)).toEqual([{ log: "aliases", removed: 3, kept: 10 }]);
      expect(await one.compaction.compact(2, never)).toEqual([{ log: "aliases", removed: 3, kept: 10 }]);
      for (const backplane of [one, two, await world.open()]) {
        expect(await backplane.registry.aliases("m1")).toEqual({ champion: 4, audited: 2 });
        expect(await aliasChanges(backplane)).toEqual(before.slice(3));
      }
      expect((await two.registry.rollback("m1", "champion", "t")).serial).toBe(1);
      expect((await one.registry.rollback("m1", "champion", "t")).serial).toBe(2);
      expect((await two.registry.setAlias("m1", "champion", 4, 2, "t")).previous).toBe(2);
      expect(await one.registry.aliases("m1")).toEqual({ champion: 4, audited: 2 });
    });

    test("a compaction whose signal has aborted removes nothing", async () => {
      for (const serial of [1, 2]) await one.verdicts.append(verdict(serial));
      await bury(1);
      await expect(one.compaction.compact(0, AbortSignal.abort())).rejects.toThrow();
      expect(await two.verdicts.list()).toHaveLength(2);
    });
  });
}
