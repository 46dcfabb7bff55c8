import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createAliasIndex,
  neededChanges,
  recentTargets,
  rollbackTarget,
} from "../../../services/registry/alias-history.ts";
import type { AliasChange } from "../../../services/registry/registry.ts";

const change = (kind: AliasChange["kind"], serial: number | null, alias = "champion"): AliasChange => ({
  component: "m1",
  alias,
  kind,
  serial,
  previous: null,
  by: "ann",
  at: "2026-01-01T00:00:00.000Z",
});
const set = (serial: number | null, alias?: string) => change("set", serial, alias);
const aliasesAfter = (log: readonly AliasChange[]) => {
  const index = createAliasIndex();
  for (const each of log) index.take(each);
  return index.of("m1");
};
const target = (log: readonly AliasChange[]) => rollbackTarget(log, "m1", "champion");

test("rolling back n times after n moves to new places walks the moves backwards", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 12 }), (serials) => {
      const log = serials.map((serial) => set(serial));
      for (const expected of serials.toReversed().slice(1)) {
        const serial = target(log);
        expect(serial).toBe(expected);
        log.push(change("rollback", serial));
      }
      expect(() => target(log)).toThrow(/nothing to go back to/);
    }),
  );
});

test("a rollback never points where the alias points already, and never at nothing", () => {
  const serial = fc.option(fc.integer({ min: 1, max: 3 }), { nil: null });
  fc.assert(
    fc.property(fc.array(fc.oneof(serial.map(set), fc.constant("rollback" as const))), (steps) => {
      const log: AliasChange[] = [];
      for (const step of steps) {
        if (step !== "rollback") {
          log.push(step);
          continue;
        }
        const now = aliasesAfter(log).champion;
        let to: number;
        try {
          to = target(log);
        } catch {
          continue;
        }
        expect(to).toBeGreaterThan(0);
        expect(to).not.toBe(now);
        log.push(change("rollback", to));
      }
    }),
  );
});

test("setting an alias to where it points already is nothing to go back to", () => {
  expect(target([set(1), set(2), set(2)])).toBe(1);
});

test("other aliases of the component do not take part", () => {
  const log = [set(1), set(5, "shadow"), set(2), set(6, "shadow")];
  expect(target(log)).toBe(1);
  expect(aliasesAfter(log)).toEqual({ champion: 2, shadow: 6 });
});

/** A log by a sequence of moves, removals and rollbacks. */
const logs = fc
  .array(fc.oneof(fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }), fc.constant("rollback" as const)), {
    maxLength: 60,
  })
  .map((steps) => {
    const log: AliasChange[] = [];
    for (const step of steps) {
      if (step !== "rollback") log.push(set(step));
      else if (canRollBack(log)) log.push(change("rollback", target(log)));
    }
    return log;
  });
function canRollBack(log: readonly AliasChange[]): boolean {
  try {
    return target(log) > 0;
  } catch {
    return false;
  }
}
const compacted = (log: readonly AliasChange[], rollbacks: number) => {
  const needed = new Set(
    neededChanges(
      log.map((value, position) => ({ position, value })),
      rollbacks,
    ),
  );
  return log.filter((_, position) => needed.has(position));
};

test("a compacted log has the same recent targets, and as many rollbacks with the same targets", () => {
  fc.assert(
    fc.property(logs, fc.integer({ min: 0, max: 5 }), (log, rollbacks) => {
      const short = compacted(log, rollbacks);
      expect(short.length).toBeLessThanOrEqual(3 * (rollbacks + 1));
      for (let changes = 0; changes <= rollbacks; changes++) {
        expect(recentTargets(short, "champion", changes)).toEqual(recentTargets(log, "champion", changes));
      }
      const whole = [...log];
      for (let count = 1; count <= rollbacks && canRollBack(whole); count++) {
        expect(target(short)).toBe(target(whole));
        const back = change("rollback", target(whole));
        whole.push(back);
        short.push(back);
      }
      expect(aliasesAfter(short)).toEqual(aliasesAfter(whole));
    }),
    { numRuns: 500 },
  );
});

test("a log is compacted again to the same, and goes on as before", () => {
  fc.assert(
    fc.property(logs, logs, fc.integer({ min: 0, max: 3 }), (log, later, rollbacks) => {
      const short = compacted(log, rollbacks);
      expect(compacted(short, rollbacks)).toEqual(short);
      // What comes after moves only.
      const moves = later.filter(({ kind }) => kind === "set");
      const both = [
        [...log, ...moves],
        [...short, ...moves],
      ] as const;
      const [one, other] = both.map((each) => recentTargets(each, "champion", rollbacks));
      expect(other).toEqual(one);
    }),
  );
});

test("a rollback of another version, which goes back several changes, keeps what it needs", () => {
  const log = [...[1, 2, 3, 4, 5, 6, 7, 8].map((serial) => set(serial)), change("rollback", 2), set(3)];
  const short = compacted(log, 1);
  expect(recentTargets(short, "champion", 1)).toEqual(recentTargets(log, "champion", 1));
  expect(target(short)).toBe(2);
});
