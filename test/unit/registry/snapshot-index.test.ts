import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSnapshotIndex, findSnapshot, type SnapshotIndex } from "../../../services/registry/snapshot-index.ts";
import { manifest } from "../../helpers/drafts.ts";

const at = (position: number, serial: number, component = "m1") => ({ position, component, serial });
const readable = (serial: number, parent: number | null) => ({ manifest: { ...manifest(serial), parent } });
const newer = { wrong: "a newer version wrote it" };
const serials = (index: SnapshotIndex, component = "m1") =>
  Array.from({ length: 9 }, (_, i) => i + 1).filter((serial) => index.get(component, serial) !== undefined);

describe("a serial", () => {
  test("is taken by an announcement that cannot be read, and the next snapshot has the next one", () => {
    const index = createSnapshotIndex();
    expect(index.next("m1")).toBe(1);
    index.take(at(1, 1), readable(1, null));
    expect(index.take(at(2, 2), newer)).toBe("a newer version wrote it");
    expect(index.next("m1")).toBe(3);
    expect(index.latest("m1")?.serial).toBe(1);
    // Its publisher could read serial 1 only; one that reads everything names serial 2.
    expect(index.take(at(3, 3), readable(3, 1))).toBeUndefined();
    expect(index.take(at(4, 4), readable(4, 2))).toBeUndefined();
    expect(serials(index)).toEqual([1, 3, 4]);
    expect(index.unreadable("m1")).toEqual([
      { component: "m1", serial: 2, position: 2, reason: "a newer version wrote it" },
    ]);
    expect(index.unreadable("m2")).toEqual([]);
  });

  test("belongs to its first announcement, readable or not", () => {
    const index = createSnapshotIndex();
    index.take(at(1, 1), newer);
    expect(index.take(at(2, 1), readable(1, null))).toBe("the serial is taken");
    index.take(at(3, 2), readable(2, null));
    expect(index.take(at(4, 2), newer)).toBe("the serial is taken");
    expect(serials(index)).toEqual([2]);
    expect(index.get("m1", 2)).toEqual(at(3, 2));
    expect(index.unreadable().map(({ serial }) => serial)).toEqual([1]);
  });

  test("that is announced out of order, or after a parent that does not exist, is unreadable", () => {
    const index = createSnapshotIndex();
    expect(index.take(at(1, 3), readable(3, null))).toBe("serial 3 where m1 is at 1");
    expect(index.take(at(2, 1), readable(1, 9))).toBe("m1@1 names 9 as its parent");
    expect(index.next("m1")).toBe(2);
    expect(index.take(at(3, 2), readable(2, null))).toBeUndefined();
    expect(index.next("m1")).toBe(4);
    expect(index.unreadable().map(({ serial, position }) => [serial, position])).toEqual([
      [3, 1],
      [1, 2],
    ]);
  });

  test("that is unreadable has an error of its own", () => {
    const index = createSnapshotIndex();
    index.take(at(1, 1), readable(1, null));
    index.take(at(2, 2), newer);
    expect(findSnapshot(index, "m1", 1).serial).toBe(1);
    expect(() => findSnapshot(index, "m1", 2)).toThrow(
      expect.objectContaining({
        code: "failed-precondition",
        message: "m1@2 cannot be read and is never used: a newer version wrote it",
      }),
    );
    expect(() => findSnapshot(index, "m1", 3)).toThrow(expect.objectContaining({ code: "not-found" }));
  });
});

test("a version that reads fewer announcements gives all it reads the same serials as one that reads more", () => {
  const announcement = fc.record({
    serial: fc.integer({ min: 1, max: 6 }),
    parent: fc.option(fc.integer({ min: 1, max: 6 })),
    component: fc.constantFrom("m1", "m2"),
    /** The lowest version that reads it. */
    since: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(announcement, { maxLength: 20 }), (announcements) => {
      const indexOf = (version: number) => {
        const index = createSnapshotIndex();
        announcements.forEach(({ serial, parent, component, since }, i) => {
          const made = { ...manifest(serial, { component, runId: `run-${i}` }), parent };
          index.take(at(i + 1, serial, component), since <= version ? { manifest: made } : newer);
        });
        return index;
      };
      const [old, young] = [indexOf(1), indexOf(3)];
      for (const component of ["m1", "m2"]) {
        expect(old.next(component)).toBe(young.next(component));
        for (const serial of serials(old, component)) {
          expect(young.get(component, serial)).toEqual(old.get(component, serial));
        }
        const all = (index: SnapshotIndex) =>
          [...serials(index, component), ...index.unreadable(component).map(({ serial }) => serial)].toSorted(
            (a, b) => a - b,
          );
        expect(all(old)).toEqual(all(young));
      }
    }),
  );
});
