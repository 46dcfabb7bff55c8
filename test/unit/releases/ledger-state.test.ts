import { describe, expect, test } from "vitest";
import { DRIFT_RELEASES } from "../../../services/pipeline/gate.ts";
import type { Decision, LedgerEntry, Order, Release } from "../../../services/pipeline/release.ts";
import { createLedgerState, type LedgerState } from "../../../services/releases/ledger-state.ts";

const base = { version: 1, pipeline: "demo", at: "2026-01-01T00:00:00.000Z" } as const;

function release(number: number, composition: Release["composition"], change: Partial<Release> = {}): Release {
  const previous = number === 1 ? null : number - 1;
  const cause = { type: "ungated" } as const;
  return {
    ...base,
    entry: "release",
    number,
    composition,
    previous,
    kind: "promote",
    cause,
    pinned: [],
    gate: null,
    ...change,
  };
}

function decision(moves: Decision["moves"], kind: Decision["decision"], change: Partial<Decision> = {}): Decision {
  return {
    ...base,
    entry: "decision",
    moves,
    release: 1,
    decision: kind,
    reasons: [],
    criteria: [],
    needs: [],
    mode: "enforce",
    gate: "g",
    generation: 1,
    asked: null,
    by: "e1",
    seconds: 0,
    ...change,
  };
}

function order(verb: Order["verb"], serial: number, change: Partial<Order> = {}): Order {
  const snapshots = [{ component: "u", serial }];
  return { ...base, entry: "order", verb, snapshots, by: "ann", reason: null, ...change };
}

/** Positions are 1, 2, 3, ... */
function stateOf(...entries: readonly LedgerEntry[]): LedgerState {
  const state = createLedgerState();
  for (const [index, value] of entries.entries()) state.note({ position: index + 1, value });
  return state;
}

test("an empty ledger says nothing", () => {
  const state = stateOf();
  expect(state.release()).toBeUndefined();
  expect([state.end(), state.endOf("decision")]).toEqual([0, 0]);
  expect([state.recent(), state.standing(), state.requests(), state.served()]).toEqual([[], [], [], []]);
  expect(state.unreleased()).toBeUndefined();
  expect(state.questions(1, "confirm")).toBe(0);
});

test("the ends are those of the newest entry, and of the newest of each kind", () => {
  const state = stateOf(release(1, { u: 1 }), decision({ u: 2 }, "held"), order("hold", 2), order("resume", 2));
  expect(state.end()).toBe(4);
  expect([state.endOf("release"), state.endOf("decision"), state.endOf("order"), state.endOf("served")]).toEqual([
    1, 2, 4, 0,
  ]);
});

describe("releases", () => {
  test("recent ones are kept, oldest first", () => {
    const all = Array.from({ length: DRIFT_RELEASES + 3 }, (_, index) => release(index + 1, { u: index + 1 }));
    const state = stateOf(...all);
    expect(state.recent()).toEqual(all.slice(3));
    expect(state.release()).toEqual(all.at(-1));
  });

  test("released serials come in the order of their newest release", () => {
    const state = stateOf(release(1, { u: 1 }), release(2, { u: 2 }), release(3, { u: 3 }), release(4, { u: 1 }));
    expect(state.released("u")).toEqual([2, 3, 1]);
    expect(state.released("d")).toEqual([]);
  });
});

describe("decisions", () => {
  test("a promotion waits for its release, and not for another one", () => {
    const promoted = [release(1, { u: 1 }), decision({ u: 2 }, "promoted")] as const;
    expect(stateOf(...promoted).unreleased()?.position).toBe(2);
    expect(stateOf(...promoted, release(2, { u: 1 })).unreleased()?.position).toBe(2);
    const carriedOut = release(2, { u: 2 }, { cause: { type: "decision", position: 2 } });
    expect(stateOf(...promoted, carriedOut).unreleased()).toBeUndefined();
    expect(stateOf(...promoted, decision({ u: 2 }, "void")).unreleased()).toBeUndefined();
  });

  test("a gate that observes leaves nothing to carry out", () => {
    expect(stateOf(decision({ u: 2 }, "promoted", { mode: "observe" })).unreleased()).toBeUndefined();
  });

  test("those that stand were made against the newest release, one for each moves", () => {
    const state = stateOf(
      release(1, { u: 1 }),
      decision({ u: 2 }, "held", { reasons: ["freeze"] }),
      decision({ u: 3 }, "refused"),
      decision({ u: 2 }, "held"),
    );
    expect(state.standing().map(({ moves, reasons }) => [moves, reasons])).toEqual([
      [{ u: 3 }, []],
      [{ u: 2 }, []],
    ]);
    state.note({ position: 5, value: release(2, { u: 3 }) });
    expect(state.standing()).toEqual([]);
    expect(state.decisionOn({ u: 2 })?.position).toBe(4);
  });

  test("before the first release, decisions against none stand", () => {
    expect(stateOf(decision({ u: 1 }, "held", { release: 0 })).standing()).toHaveLength(1);
  });

  test("moves are held since the first decision that held them, through what is void, but not through a refusal", () => {
    const at = (second: number) => ({ at: `2026-01-01T00:00:0${second}.000Z` });
    const held = [decision({ u: 2 }, "held", at(1)), decision({ u: 2 }, "held", at(2))] as const;
    expect(stateOf(...held).heldSince({ u: 2 })).toBe(at(1).at);
    const again = decision({ u: 2 }, "held", at(4));
    expect(stateOf(...held, decision({ u: 2 }, "void", at(3)), again).heldSince({ u: 2 })).toBe(at(1).at);
    expect(stateOf(...held, decision({ u: 2 }, "refused", at(3)), again).heldSince({ u: 2 })).toBe(at(4).at);
    expect(stateOf(...held).heldSince({ u: 3 })).toBeUndefined();
  });
});

describe("questions", () => {
  const asked = (question: number, part: "confirm" | "reserve" = "confirm") => ({ asked: { part, question } });

  test("are counted by generation and part", () => {
    const state = stateOf(
      decision({ u: 2 }, "held", asked(1)),
      decision({ u: 3 }, "held", asked(2)),
      decision({ u: 4 }, "held", asked(1, "reserve")),
      decision({ u: 5 }, "held", { ...asked(1), generation: 2 }),
    );
    expect(state.questions(1, "confirm")).toBe(2);
    expect(state.questions(1, "reserve")).toBe(1);
    expect(state.questions(2, "confirm")).toBe(1);
  });

  test("a composition that was asked about and not promoted is unconfirmed in its generation, whatever moved to it", () => {
    const state = stateOf(release(1, { u: 1, d: 1 }), decision({ u: 2 }, "held", asked(1)));
    expect(state.isUnconfirmed({ u: 2, d: 1 }, 1)).toBe(true);
    expect(state.isUnconfirmed({ d: 1, u: 2 }, 1)).toBe(true);
    expect(state.isUnconfirmed({ u: 2, d: 2 }, 1)).toBe(false);
    expect(state.isUnconfirmed({ u: 2, d: 1 }, 2)).toBe(false);
  });

  test("a composition that was promoted, or never asked about, is not unconfirmed", () => {
    const promoted = stateOf(release(1, { u: 1 }), decision({ u: 2 }, "promoted", asked(1)));
    expect(promoted.isUnconfirmed({ u: 2 }, 1)).toBe(false);
    const held = stateOf(release(1, { u: 1 }), decision({ u: 2 }, "held"));
    expect(held.isUnconfirmed({ u: 2 }, 1)).toBe(false);
  });

  test("the reserve is opened for one generation", () => {
    const state = stateOf(order("open-reserve", 0, { snapshots: [], generation: 2 }));
    expect([state.isReserveOpen(1), state.isReserveOpen(2)]).toEqual([false, true]);
  });
});

test("the newest order about a snapshot counts, and resume lifts it", () => {
  const u2 = { component: "u", serial: 2 };
  expect(stateOf(order("hold", 2), order("refuse", 2)).orderOn(u2)?.verb).toBe("refuse");
  expect(stateOf(order("refuse", 2), order("resume", 2)).orderOn(u2)).toBeUndefined();
  expect(stateOf(order("hold", 3)).orderOn(u2)).toBeUndefined();
});

test("requests stay until they are cancelled, and each follower's newest report counts", () => {
  const request = {
    ...base,
    entry: "candidate-run",
    state: "requested",
    candidate: { component: "u", serial: 2 },
    consumer: "d",
    attempt: 1,
    release: 1,
    upstream: { u: 2 },
    why: "u@2 needs d retrained on it",
  } as const;
  const served = { ...base, entry: "served", composition: {}, since: base.at } as const;
  const state = stateOf(
    { ...request, id: "u@2:d:1" },
    { ...request, id: "u@2:d:2", attempt: 2 },
    { ...request, id: "u@2:d:1", state: "cancelled" },
    { ...served, follower: "edge", release: 1 },
    { ...served, follower: "cloud", release: 1 },
    { ...served, follower: "edge", release: 2 },
  );
  expect(state.requests().map(({ id }) => id)).toEqual(["u@2:d:2"]);
  expect(state.served().map(({ follower, release: number }) => [follower, number])).toEqual([
    ["edge", 2],
    ["cloud", 1],
  ]);
});
