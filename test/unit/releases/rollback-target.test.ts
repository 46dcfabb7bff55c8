import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Release } from "../../../services/pipeline/release.ts";
import { releaseNumbered, rollbackTarget } from "../../../services/releases/rollback-target.ts";
import { release } from "../../helpers/drafts.ts";

/** Releases of one component at these serials; a negative one is a rollback to it. */
function releases(...serials: readonly number[]): readonly Release[] {
  return serials.map((serial, index) =>
    release(index + 1, { composition: { m1: Math.abs(serial) }, kind: serial < 0 ? "rollback" : "promote" }),
  );
}

test.each([
  { serials: [1, 2], target: 1 },
  { serials: [1, 2, 3, -2], target: 1 },
  { serials: [1, 2, 3, -2, 4], target: 2 },
  // A pin of what is in use changes nothing that could be undone.
  { serials: [1, 2, 2, 2], target: 1 },
  // Promoted again, which is not a rollback.
  { serials: [1, 2, 1], target: 2 },
  // A rollback to something that never was in use, after a quarantine, is a release like any other.
  { serials: [1, 2, -7], target: 2 },
  { serials: [1, 2, 1, 3, -1], target: 2 },
])("after $serials, a rollback restores $target", ({ serials, target }) => {
  expect(rollbackTarget(releases(...serials)).composition).toEqual({ m1: target });
});

test.each([{ serials: [] }, { serials: [1] }, { serials: [1, 1] }, { serials: [1, 2, -1] }])(
  "after $serials, there is nothing to roll back to",
  ({ serials }) => {
    expect(() => rollbackTarget(releases(...serials))).toThrow(/nothing to roll back/);
  },
);

test("rollbacks one after the other undo promotions of different serials in turn, newest first", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 8 }), (serials) => {
      const all = [...releases(...serials)];
      for (const expected of serials.slice(0, -1).reverse()) {
        const { composition } = rollbackTarget(all);
        expect(composition).toEqual({ m1: expected });
        all.push(release(all.length + 1, { composition, kind: "rollback" }));
      }
      expect(() => rollbackTarget(all)).toThrow(/nothing to roll back to/);
    }),
  );
});

test("releases are found by their number", () => {
  expect(releaseNumbered(releases(1, 2), 1).composition).toEqual({ m1: 1 });
  expect(() => releaseNumbered(releases(1, 2), 3)).toThrow("no release 3: the newest is 2");
  expect(() => releaseNumbered([], 3)).toThrow("there is no release yet");
});
