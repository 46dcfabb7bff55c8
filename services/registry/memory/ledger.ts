import type { EntryKind, LedgerEntry, Release } from "../../pipeline/release.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { Ledger } from "../ledger.ts";
import { createMemoryLog } from "./log.ts";

export function createMemoryLedger(closed: AbortSignal): Ledger {
  const log = createMemoryLog<LedgerEntry>(closed);
  const ends = new Map<EntryKind, number>();
  let newest: Logged<Release> | undefined;
  return {
    release: async () => newest,
    end: async () => log.end(),
    endOf: async (kind) => ends.get(kind) ?? 0,
    async append(entry, after) {
      if (after !== undefined && after !== (ends.get(entry.entry) ?? 0)) return undefined;
      if (entry.entry === "release" && entry.number !== (newest?.value.number ?? 0) + 1) return undefined;
      const position = log.append(entry);
      ends.set(entry.entry, position);
      if (entry.entry === "release") newest = { position, value: log.at(position) as Release };
      return position;
    },
    read: (from) => log.read(from),
    watch: (from, signal) => log.watch(from, signal),
  };
}
