import { beforeEach, describe, expect, test } from "vitest";
import type { LedgerEntry } from "../../services/pipeline/release.ts";
import * as make from "../helpers/drafts.ts";
import { take } from "../helpers/take.ts";
import { failure, never, type Pair } from "./implementation.ts";

/** Tests the contract of the ledger of releases. @param opened the pair of the current test */
export function ledgerContract(opened: () => Pair): void {
  let one: Pair["one"];
  let two: Pair["two"];
  let pipeline: string;
  beforeEach(() => {
    ({ one, two } = opened());
    ({ pipeline } = opened().world);
  });
  const release = (number: number, change: Parameters<typeof make.release>[1] = {}) =>
    make.release(number, { pipeline, ...change });
  const decision = (moves: Parameters<typeof make.decision>[0], by = "e1") => make.decision(moves, { pipeline, by });
  const hold = (serial: number, by = "ann") => make.order("hold", [{ component: "m1", serial }], { pipeline, by });

  describe("the ledger", () => {
    test("is empty at first", async () => {
      expect(await one.ledger.release()).toBeUndefined();
      expect([await one.ledger.end(), await one.ledger.endOf("release"), await one.ledger.endOf("order")]).toEqual([
        0, 0, 0,
      ]);
      expect(await take(one.ledger.read(0), 9)).toEqual([]);
    });

    test("has releases that are numbered from 1 without gaps, and another process sees the newest", async () => {
      expect(await one.ledger.append(release(2))).toBeUndefined();
      const first = await one.ledger.append(release(1), 0);
      expect(await two.ledger.release()).toEqual({ position: first, value: release(1) });
      expect(await two.ledger.append(release(3))).toBeUndefined();
      expect(await two.ledger.append(release(1, { composition: { m1: 9 } }))).toBeUndefined();
      const second = await two.ledger.append(release(2), first);
      expect(await one.ledger.release()).toEqual({ position: second, value: release(2) });
      expect((await take(one.ledger.read(0), 9)).map(({ value }) => value)).toEqual([release(1), release(2)]);
    });

    test("takes one of several releases that are appended at the same time, and all see the same", async () => {
      const candidates = Array.from({ length: 6 }, (_, index) => release(1, { composition: { m1: index + 1 } }));
      const appended = await Promise.all(
        candidates.map((candidate, index) => (index % 2 ? one : two).ledger.append(candidate, 0)),
      );
      expect(appended.filter((position) => position !== undefined)).toHaveLength(1);
      const winner = candidates[appended.findIndex((position) => position !== undefined)];
      expect((await one.ledger.release())?.value).toEqual(winner);
      expect(await two.ledger.release()).toEqual(await one.ledger.release());
    });

    test("takes an entry only after the newest of its kind that its writer knew", async () => {
      const first = await one.ledger.append(decision({ m1: 1 }), 0);
      expect(await two.ledger.append(decision({ m1: 2 }, "e2"), 0)).toBeUndefined();
      // Entries of other kinds do not matter.
      await two.ledger.append(hold(7), 0);
      await one.ledger.append(release(1), 0);
      const second = await two.ledger.append(decision({ m1: 2 }, "e2"), first);
      expect(second).toBeGreaterThan(first ?? 0);
      expect(await one.ledger.endOf("decision")).toBe(second);
      expect(await one.ledger.endOf("candidate-run")).toBe(0);
      expect(await one.ledger.append(decision({ m1: 3 }), first)).toBeUndefined();
      expect((await take(two.ledger.read(0), 9)).map(({ value }) => value.entry)).toEqual([
        "decision",
        "order",
        "release",
        "decision",
      ]);
    });

    test("takes one of several decisions that expect the same end", async () => {
      const appended = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 ? one : two).ledger.append(decision({ m1: index + 1 }, `e${index}`), 0),
        ),
      );
      expect(appended.filter((position) => position !== undefined)).toHaveLength(1);
    });

    test("takes entries in any case if their writer expects nothing", async () => {
      const positions = await Promise.all(
        Array.from({ length: 6 }, (_, index) => (index % 2 ? one : two).ledger.append(hold(index + 1, `p${index}`))),
      );
      expect(new Set(positions).size).toBe(6);
      expect(positions).not.toContain(undefined);
      const logged = await take(two.ledger.read(0), 9);
      expect(logged.map(({ position }) => position)).toEqual(positions.toSorted((a = 0, b = 0) => a - b));
      for (const { position, value } of logged) expect(positions.indexOf(position)).toBe(Number(by(value).slice(1)));
    });

    test("does not take the newest entry of a kind again: the same call is safe after an outage", async () => {
      const first = await one.ledger.append(decision({ m1: 1 }), 0);
      expect(await one.ledger.append(decision({ m1: 1 }), 0)).toBe(first);
      const order = await one.ledger.append(hold(1));
      expect(await two.ledger.append(hold(1))).toBe(order);
      const released = await one.ledger.append(release(1), 0);
      expect(await one.ledger.append(release(1), 0)).toBe(released);
      await one.ledger.append(decision({ m1: 2 }), first);
      // Another came after it: its writer has to look.
      expect(await one.ledger.append(decision({ m1: 1 }), 0)).toBeUndefined();
      expect(await take(two.ledger.read(0), 9)).toHaveLength(4);
    });

    test("has the reports of each follower, which do not wait for each other", async () => {
      const served = (follower: string, number: number) => make.served(follower, number, { pipeline });
      const positions = [
        await one.ledger.append(served("blue", 1)),
        await two.ledger.append(served("green", 1)),
        await one.ledger.append(served("blue", 2)),
      ];
      expect(await one.ledger.append(served("green", 1))).toBe(positions[1]);
      expect((await take(two.ledger.read(0), 9)).map(({ position }) => position)).toEqual(positions);
      expect(await two.ledger.end()).toBe(positions[2]);
      expect(await one.ledger.append(served("green", 2), 0)).toBeGreaterThan(positions[2] ?? 0);
      expect(await failure(one.ledger.append(served("a.b", 1)))).toMatchObject({ code: "invalid-argument" });
    });

    test("has how far each webhook was told, which do not wait for each other", async () => {
      const told = (digit: string, position: number) => make.delivered(digit.repeat(64), position, { pipeline });
      const first = await one.ledger.append(told("a", 0));
      expect(await two.ledger.append(told("b", 7), 0)).toBeGreaterThan(first ?? 0);
      expect(await two.ledger.append(told("a", 7), 0)).toBeGreaterThan(first ?? 0);
      expect(await one.ledger.append(told("b", 7))).toBe((first ?? 0) + 1);
      expect(await one.ledger.append(release(1), 0)).toBeDefined();
    });

    test("keeps what it is given, fields of newer versions too", async () => {
      const entries: readonly LedgerEntry[] = [
        release(1, {
          kind: "rollback",
          cause: { type: "person", by: "ann", reason: "recall fell", overrides: ["freeze"] },
          pinned: ["m1"],
          gate: "b".repeat(64),
        }),
        { ...decision({ m1: 2, m2: 3 }), later: { deep: [1] } } as LedgerEntry,
        make.order("open-reserve", [], { pipeline, generation: 2 }),
        make.candidateRun({ pipeline }),
        make.served("blue", 1, { pipeline }),
        make.delivered("d".repeat(64), 0, { pipeline }),
      ];
      for (const entry of entries) await one.ledger.append(entry);
      expect((await take(two.ledger.read(0), 9)).map(({ value }) => value)).toEqual(entries);
    });

    test("refuses what no reader would take", async () => {
      const refused = async (entry: LedgerEntry, text: string) =>
        expect(await failure(one.ledger.append(entry))).toMatchObject({
          code: "invalid-argument",
          message: expect.stringContaining(text),
        });
      await refused(release(1, { pipeline: "other" }), 'pipeline "other"');
      await refused(release(2, { previous: null }), "previous: must be the number before");
      await refused(release(1, { composition: { m1: 0 } }), "composition.m1");
      await refused({ ...decision({ m1: 1 }), seconds: Number.NaN }, "seconds");
      await refused({ ...hold(1), verb: "praise" as "hold" }, "verb");
      expect(await two.ledger.end()).toBe(0);
    });

    test("is read and watched from a position on, in one order for all", async () => {
      const positions: number[] = [];
      const append = async (entry: LedgerEntry) => positions.push((await one.ledger.append(entry)) ?? 0);
      await append(release(1));
      await append(decision({ m1: 2 }));
      const watched = take(two.ledger.watch(0, never), 4);
      await append(release(2));
      await append(hold(3));
      const all = await watched;
      expect(all.map(({ position }) => position)).toEqual(positions);
      expect(await take(one.ledger.read(0), 9)).toEqual(all);
      expect(await take(one.ledger.read(positions[2] ?? 0), 9)).toEqual(all.slice(2));
      expect(await take(one.ledger.watch((positions[1] ?? 0) + 1, never), 2)).toEqual(all.slice(2));
      expect(await take(one.ledger.read((positions[3] ?? 0) + 1), 9)).toEqual([]);
    });

    test("ends its watches when the signal aborts and when the backplane closes", async () => {
      await one.ledger.append(release(1));
      const stop = new AbortController();
      const seen: number[] = [];
      for await (const { position } of one.ledger.watch(0, stop.signal)) {
        seen.push(position);
        stop.abort();
      }
      expect(seen).toHaveLength(1);
      const ended = take(one.ledger.watch(0, never), 2);
      await one.close();
      expect((await ended).length).toBeLessThan(2);
      expect(await take(one.ledger.watch(0, never), 1)).toEqual([]);
    });
  });
}

/** Who wrote an entry. */
function by(entry: LedgerEntry): string {
  return "by" in entry ? entry.by : "";
}
