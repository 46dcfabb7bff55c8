import { expect, test } from "vitest";
import type { DecisionReason } from "../../../services/pipeline/release.ts";
import { createLedgerState } from "../../../services/releases/ledger-state.ts";
import { overridesOf } from "../../../services/releases/overrides.ts";
import { decision, order, release } from "../../helpers/drafts.ts";
import { ENFORCE, snapshots } from "../../helpers/release-world.ts";

const AT = "2026-03-02T12:00:00.000Z";
const rules = { gate: ENFORCE, freeze: [] };

/** The ledger after release 1 of { m1: 1, m2: 1 }. */
function ledger(...entries: readonly Parameters<ReturnType<typeof createLedgerState>["note"]>[0]["value"][]) {
  const state = createLedgerState();
  [release(1, { composition: { m1: 1, m2: 1 } }), ...entries].forEach((value, index) => {
    state.note({ position: index + 1, value });
  });
  return state;
}

const held = (...reasons: readonly DecisionReason[]) => decision({ m1: 2 }, { decision: "held", reasons });
const kindsOf = (found: ReturnType<typeof overridesOf>) => found.map(({ kind }) => kind);

test("a freeze says until when, with or without a gate", () => {
  const freeze = [{ from: "2026-03-01T00:00:00.000Z", to: "2026-03-04T00:00:00.000Z", reason: "launch" }];
  const frozen = { kind: "freeze", why: "releases are frozen until 2026-03-04T00:00:00.000Z: launch" };
  expect(overridesOf({ m1: 2 }, ledger(decision({ m1: 2 })), { gate: ENFORCE, freeze }, AT)).toEqual([frozen]);
  expect(overridesOf({ m1: 2 }, ledger(), { gate: undefined, freeze }, AT)).toEqual([frozen]);
  expect(overridesOf({ m1: 2 }, ledger(), { gate: undefined, freeze }, "2026-03-04T00:00:00.000Z")).toEqual([]);
  expect(overridesOf({}, ledger(), { gate: undefined, freeze }, AT)).toEqual([]);
});

test.each<{ reasons: readonly DecisionReason[]; kinds: readonly string[] }>([
  { reasons: ["inconclusive"], kinds: ["held"] },
  { reasons: ["spent"], kinds: ["spent"] },
  { reasons: ["manual"], kinds: ["manual"] },
  { reasons: ["manual", "guard"], kinds: ["held"] },
  // The window, the order and the pin have words of their own, or need none.
  { reasons: ["freeze"], kinds: [] },
  { reasons: ["held-by-person"], kinds: [] },
  { reasons: ["pinned"], kinds: [] },
])("what is held for $reasons is overridden as $kinds", ({ reasons, kinds }) => {
  expect(kindsOf(overridesOf({ m1: 2 }, ledger(held(...reasons)), rules, AT))).toEqual(kinds);
});

test("nothing stands against what the gate has promoted, alone or as a set", () => {
  expect(overridesOf({ m1: 2 }, ledger(decision({ m1: 2 })), rules, AT)).toEqual([]);
  const refused = (moves: Readonly<Record<string, number>>) =>
    decision(moves, { decision: "refused", reasons: ["worse"] });
  const set = ledger(refused({ m1: 2 }), refused({ m2: 2 }), decision({ m1: 2, m2: 2 }));
  expect(overridesOf({ m1: 2, m2: 2 }, set, rules, AT)).toEqual([]);
  expect(kindsOf(overridesOf({ m1: 2 }, set, rules, AT))).toEqual(["refused"]);
});

test("a decision beside an earlier release, or a void one, is none", () => {
  const undecided = [{ kind: "undecided", why: "the gate has not decided about m1@2 beside release 2" }];
  const moved = ledger(decision({ m1: 2 }), release(2, { composition: { m1: 1, m2: 2 } }));
  expect(overridesOf({ m1: 2 }, moved, rules, AT)).toEqual(undecided);
  expect(kindsOf(overridesOf({ m1: 2 }, ledger(decision({ m1: 2 }, { decision: "void" })), rules, AT))).toEqual([
    "undecided",
  ]);
});

test("the first snapshot of a component is for a person: nothing is overridden", () => {
  expect(overridesOf({ m3: 1 }, ledger(), rules, AT)).toEqual([]);
  expect(overridesOf({ m1: 1 }, createLedgerState(), rules, AT)).toEqual([]);
  // A gate has nothing to compare it with, and says so.
  const missing = decision({ m3: 1 }, { decision: "held", reasons: ["missing"] });
  expect(overridesOf({ m3: 1 }, ledger(missing), rules, AT)).toEqual([]);
  expect(kindsOf(overridesOf({ m3: 1, m1: 2 }, ledger(missing, held("worse")), rules, AT))).toEqual(["held"]);
});

test("orders count for each snapshot, until they are lifted", () => {
  const state = ledger(
    decision({ m1: 2 }),
    decision({ m2: 2 }),
    order("refuse", snapshots("m1@2"), { reason: "leaked labels" }),
    order("hold", snapshots("m2@2")),
  );
  expect(overridesOf({ m1: 2, m2: 2 }, state, rules, AT)).toEqual([
    { kind: "refused", why: "m1@2 was refused by ann: leaked labels" },
    { kind: "held", why: "m2@2 was held by ann" },
  ]);
  state.note({ position: 9, value: order("resume", snapshots("m1@2", "m2@2")) });
  expect(overridesOf({ m1: 2, m2: 2 }, state, rules, AT)).toEqual([]);
});
