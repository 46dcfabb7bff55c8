import fc from "fast-check";
import { expect, test } from "vitest";
import { createAliasIndex, rollbackTarget } from "../../../services/registry/alias-history.ts";
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
