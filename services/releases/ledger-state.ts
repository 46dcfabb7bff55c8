import { DRIFT_RELEASES } from "../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import {
  type CandidateRun,
  type Decision,
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
  /** The newest release. */
  release(): Release | undefined;
  /** The newest releases, oldest first, `DRIFT_RELEASES` at most. */
  recent(): readonly Release[];
  /** The order that holds for a snapshot; undefined if there is none, or it was lifted. */
  orderOn(snapshot: SnapshotId): Order | undefined;
  /** The newest decision on exactly these moves, void or not. */
  decisionOn(moves: Composition): Logged<Decision> | undefined;
  /** A promotion that an `enforce` gate decided and nobody has carried out: no release names it, and it is not void. */
  unreleased(): Logged<Decision> | undefined;
  /** Questions that these rows have answered in a generation. */
  questions(generation: number, part: "confirm" | "reserve"): number;
  /** Whether a person has opened the reserve rows of a generation. */
  isReserveOpen(generation: number): boolean;
  /** Requests to train on candidates that are not cancelled, oldest first. */
  requests(): readonly CandidateRun[];
  /** The newest report of each follower. */
  served(): readonly Served[];
}

export function createLedgerState(): LedgerState {
  let end = 0;
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

  function noteDecision(logged: Logged<Decision>): void {
    const { value } = logged;
    const key = movesName(value.moves);
    decisions.set(key, logged);
    if (value.asked !== null) {
      const of = `${value.generation} ${value.asked.part}`;
      questions.set(of, Math.max(questions.get(of) ?? 0, value.asked.question));
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
      switch (value.entry) {
        case "release":
          recent.push(value);
          if (recent.length > DRIFT_RELEASES) recent.shift();
          if (value.cause.type === "decision" && value.cause.position === unreleased?.position) unreleased = undefined;
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
      }
    },
    end: () => end,
    release: () => recent.at(-1),
    recent: () => recent,
    orderOn: (snapshot) => orders.get(snapshotName(snapshot)),
    decisionOn: (moves) => decisions.get(movesName(moves)),
    unreleased: () => unreleased,
    questions: (generation, part) => questions.get(`${generation} ${part}`) ?? 0,
    isReserveOpen: (generation) => reserves.has(generation),
    requests: () => [...requests.values()],
    served: () => [...served.values()],
  };
}
