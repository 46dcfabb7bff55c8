import type { EntryKind, LedgerEntry, Release } from "../pipeline/release.ts";
import type { Logged } from "../pipeline/verdict.ts";

/** What is appended after what its writer knew: all but reports of followers and of webhooks, which have one writer each. */
export type ComparedKind = Exclude<EntryKind, "served" | "delivered">;

/**
 * The ledger of a pipeline's releases: an append-only log of releases, decisions, orders, requests and reports, in one order.
 *
 * Every implementation guarantees (test/contract checks it):
 * - releases are numbered 1, 2, 3, ... for every reader, and each names the one before;
 * - an entry is appended only after the newest entry of its kind that its writer knew;
 * - after `unavailable`, the same call is safe: what is the newest entry of its kind already is not appended again;
 * - what a store of an earlier version lacks reads as an empty ledger, and is watched until a service creates it.
 *
 * Entries that only a newer version can read are left out. Nothing is appended after one of the same kind.
 */
export interface Ledger {
  /**
   * Returns the newest release, in one read; undefined if there is none yet.
   * @throws UncoupleError `failed-precondition` if only a newer version of the program can read it
   */
  release(): Promise<Logged<Release> | undefined>;
  /** The position of the newest entry, 0 for none. */
  end(): Promise<number>;
  /** The position of the newest entry of a kind, 0 for none. */
  endOf(kind: ComparedKind): Promise<number>;
  /**
   * Appends an entry.
   * @param after the position that `endOf` its kind must have; undefined appends in any case, except a release whose number
   *   is not the next. Reports are appended in any case
   * @returns its position; undefined, and nothing is appended, if another one came first
   * @throws UncoupleError `invalid-argument` naming every invalid field; `failed-precondition` if the newest entry of its
   *   kind is of a newer version, the store has no ledger yet, or the key lacks the right
   */
  append(entry: LedgerEntry, after?: number): Promise<number | undefined>;
  /** Yields the entries from a position on, inclusive (0: all), that the ledger has at the time of the call. */
  read(from: number): AsyncIterable<Logged<LedgerEntry>>;
  /** Yields entries from a position on, inclusive (0: all), then new ones as they are appended, until the signal aborts. */
  watch(from: number, signal: AbortSignal): AsyncIterable<Logged<LedgerEntry>>;
}
