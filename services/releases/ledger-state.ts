import { compositionKey } from "../pipeline/composition-key.ts";
import { DRIFT_RELEASES } from "../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import {
  type CandidateRun,
  type Decision,
  type EntryKind,
  type LedgerEntry,
  movesName,
  type Order,
  type Release,
  type Served,
} from "../pipeline/release.ts";
import type { Composition, Logged } from "../pipeline/verdict.ts";

/** What the ledger says now: a projection of its entries, noted in order. Its questions cost the same after years. */
export interface LedgerState {
  note(entry: Logged<LedgerEntry>): void;
  /** The position of the newest entry that it knows, 0 for none. */
  end(): number;
  /** The position of the newest entry of a kind that it knows, 0 for none: what an append goes after. */
  endOf(kind: EntryKind): number;
  /** The newest release. */
  release(): Release | undefined;
  /** The newest releases, oldest first, `DRIFT_RELEASES` at most. */
  recent(): readonly Release[];
  /** The serials of a component that releases have named, each once, by their newest release, oldest first. */
  released(component: string): readonly number[];
  /** The order that holds for a snapshot; undefined if there is none, or it was lifted. */
  orderOn(snapshot: SnapshotId): Order | undefined;
  /** The newest decision on exactly these moves, void or not. */
  decisionOn(moves: Composition): Logged<Decision> | undefined;
  /** When these moves were first held, if every decision on them since then was held as well; ISO 8601. */
  heldSince(moves: Composition): string | undefined;
  /** The newest decision on each moves that were decided against the newest release, oldest first. */
  standing(): readonly Decision[];
  /** A promotion that an `enforce` gate decided and that is not carried out: no release names it, and it is not void. */
  unreleased(): Logged<Decision> | undefined;
  /** Questions that these rows have answered in a generation. */
  questions(generation: number, part: "confirm" | "reserve"): number;
  /** Whether a composition was asked about in a generation, and what was asked did not confirm it. */
  isUnconfirmed(composition: Composition, generation: number): boolean;
  /** Whether a person has opened the reserve rows of a generation. */
  isReserveOpen(generation: number): boolean;
  /** Requests to train on candidates that are not cancelled, oldest first. */
  requests(): readonly CandidateRun[];
  /** The newest report of each follower. */
  served(): readonly Served[];
}

export function createLedgerState(): LedgerState {
  let end = 0;
  const ends = new Map<EntryKind, number>();
  const released = new Map<string, Set<number>>();
  const unconfirmed = new Set<string>();
  const heldSince = new Map<string, string>();
  const standing = new Map<string, Decision>();
  const recent: Release[] = [];
  const orders = new Map<string, Order>();
  const decisions = new Map<string, Logged<Decision>>();
  let unreleased: Logged<Decision> | undefined;
  const questions = new Map<string, number>();
  const reserves = new Set<number>();
  const requests = new Map<string, CandidateRun>();
  const served = new Map<string, Served>();

  function noteOrder(order: Order): void {
    if (order.verb === "open-reserve" && order.generation !== undefined) reserves.add(order.generation);
    for (const snapshot of order.snapshots) {
      if (order.verb === "resume") orders.delete(snapshotName(snapshot));
      else if (order.verb === "hold" || order.verb === "refuse") orders.set(snapshotName(snapshot), order);
    }
  }

  function noteRelease(release: Release): void {
    recent.push(release);
    standing.clear();
    if (recent.length > DRIFT_RELEASES) recent.shift();
    for (const [component, serial] of Object.entries(release.composition)) {
      const serials = released.get(component) ?? new Set();
      serials.delete(serial);
      released.set(component, serials.add(serial));
    }
    if (release.cause.type === "decision" && release.cause.position === unreleased?.position) unreleased = undefined;
  }

  function noteDecision(logged: Logged<Decision>): void {
    const { value } = logged;
    const key = movesName(value.moves);
    decisions.set(key, logged);
    if (value.release === (recent.at(-1)?.number ?? 0)) {
      standing.delete(key);
      standing.set(key, value);
    }
    if (value.decision !== "held" && value.decision !== "void") heldSince.delete(key);
    else if (!heldSince.has(key)) heldSince.set(key, value.at);
    if (value.asked !== null) {
      const of = `${value.generation} ${value.asked.part}`;
      questions.set(of, Math.max(questions.get(of) ?? 0, value.asked.question));
      const base = recent.find(({ number }) => number === value.release);
      if (base !== undefined && value.decision !== "promoted") {
        unconfirmed.add(compositionKey(String(value.generation), { ...base.composition, ...value.moves }));
      }
    }
    if (value.mode !== "enforce") return;
    if (value.decision === "promoted") unreleased = logged;
    else if (value.decision === "void" && unreleased && movesName(unreleased.value.moves) === key) {
      unreleased = undefined;
    }
  }

  return {
    note(logged) {
      const { position, value } = logged;
      end = position;
      ends.set(value.entry, position);
      switch (value.entry) {
        case "release":
          noteRelease(value);
          break;
        case "decision":
          noteDecision({ position, value });
          break;
        case "order":
          noteOrder(value);
          break;
        case "candidate-run":
          if (value.state === "requested") requests.set(value.id, value);
          else requests.delete(value.id);
          break;
        case "served":
          served.set(value.follower, value);
          break;
        case "delivered":
          // For the loop of webhooks alone.
          break;
      }
    },
    end: () => end,
    endOf: (kind) => ends.get(kind) ?? 0,
    release: () => recent.at(-1),
    recent: () => recent,
    released: (component) => [...(released.get(component) ?? [])],
    orderOn: (snapshot) => orders.get(snapshotName(snapshot)),
    decisionOn: (moves) => decisions.get(movesName(moves)),
    heldSince: (moves) => heldSince.get(movesName(moves)),
    standing: () => [...standing.values()],
    unreleased: () => unreleased,
    questions: (generation, part) => questions.get(`${generation} ${part}`) ?? 0,
    isUnconfirmed: (composition, generation) => unconfirmed.has(compositionKey(String(generation), composition)),
    isReserveOpen: (generation) => reserves.has(generation),
    requests: () => [...requests.values()],
    served: () => [...served.values()],
  };
}
