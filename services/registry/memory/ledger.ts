import type { LedgerEntry } from "../../pipeline/release.ts";
import type { Ledger } from "../ledger.ts";
import { checkEntry, createNewestEntries } from "../ledger-rules.ts";
import { createMemoryLog, frozen } from "./log.ts";

export function createMemoryLedger(pipeline: string, closed: AbortSignal): Ledger {
  const log = createMemoryLog<LedgerEntry>(closed);
  const newest = createNewestEntries();
  return {
    release: async () => newest.release(),
    end: async () => log.end(),
    endOf: async (kind) => newest.positionOf(kind),
    async append(entry, after) {
      checkEntry(pipeline, entry);
      const place = newest.place(entry, after);
      if (place !== "append") return place;
      const value = frozen(entry);
      const position = log.append(value);
      newest.note({ position, value });
      return position;
    },
    read: (from) => log.read(from),
    watch: (from, signal) => log.watch(from, signal),
  };
}
