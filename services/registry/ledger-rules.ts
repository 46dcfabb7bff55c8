import { isDeepStrictEqual } from "node:util";
import { UncoupleError } from "../common/errors.ts";
import { checkLedgerEntry } from "../pipeline/documents/ledger-schema.ts";
import type { LedgerEntry, Release } from "../pipeline/release.ts";
import type { Logged } from "../pipeline/verdict.ts";
import type { ComparedKind } from "./ledger.ts";

/** Entries with the same key come after each other: those of a kind, `served.FOLLOWER`, or `delivered.WEBHOOK`. */
export function entryKey(entry: LedgerEntry): string {
  switch (entry.entry) {
    case "served":
      return servedKey(entry.follower);
    case "delivered":
      return deliveredKey(entry.webhook);
    default:
      return entry.entry;
  }
}

/** The key of a follower's reports. */
export function servedKey(follower: string): string {
  return `served.${follower}`;
}

/** The key of what a webhook was told; `*` for all of them. */
export function deliveredKey(webhook: string): string {
  return `delivered.${webhook}`;
}

/** The newest entry of each key. */
export interface NewestEntries {
  note(entry: Logged<LedgerEntry>): void;
  release(): Logged<Release> | undefined;
  positionOf(kind: ComparedKind): number;
  /**
   * @param after as in `Ledger.append`
   * @returns `append`; the position that the entry has already; undefined if another one came first
   */
  place(entry: LedgerEntry, after: number | undefined): "append" | number | undefined;
}

export function createNewestEntries(): NewestEntries {
  const newest = new Map<string, Logged<LedgerEntry>>();
  const release = () => newest.get("release") as Logged<Release> | undefined;
  const positionOf = (kind: ComparedKind) => newest.get(kind)?.position ?? 0;
  return {
    note: (logged) => void newest.set(entryKey(logged.value), logged),
    release,
    positionOf,
    place(entry, after) {
      const last = newest.get(entryKey(entry));
      if (last !== undefined && isDeepStrictEqual(last.value, entry)) return last.position;
      if (entry.entry === "served" || entry.entry === "delivered") return "append";
      if (after !== undefined && after !== positionOf(entry.entry)) return undefined;
      if (entry.entry === "release" && entry.number !== (release()?.value.number ?? 0) + 1) return undefined;
      return "append";
    },
  };
}

/**
 * Validates an entry before it is appended: readers would leave it out.
 * @throws UncoupleError `invalid-argument` naming every invalid field
 */
export function checkEntry(pipeline: string, entry: LedgerEntry): void {
  if (entry.pipeline !== pipeline) {
    throw new UncoupleError(
      "invalid-argument",
      `an entry of pipeline ${JSON.stringify(entry.pipeline)} cannot be appended to the ledger of ${JSON.stringify(pipeline)}`,
    );
  }
  checkLedgerEntry(entry);
}
