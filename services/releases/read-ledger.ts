import type { Decision, Release } from "../pipeline/release.ts";
import type { Logged } from "../pipeline/verdict.ts";
import type { Ledger } from "../registry/ledger.ts";
import { createLedgerState, type LedgerState } from "./ledger-state.ts";

/** The whole ledger: what it says now, and how it came about. */
export interface LedgerHistory {
  readonly state: LedgerState;
  /** Oldest first. */
  readonly releases: readonly Release[];
  /** In the order of the ledger, void or not. */
  readonly decisions: readonly Logged<Decision>[];
}

/** Reads the ledger from its beginning. For people's commands: services follow it. */
export async function readLedger(ledger: Pick<Ledger, "read">): Promise<LedgerHistory> {
  const state = createLedgerState();
  const releases: Release[] = [];
  const decisions: Logged<Decision>[] = [];
  for await (const logged of ledger.read(0)) {
    state.note(logged);
    const { position, value } = logged;
    if (value.entry === "release") releases.push(value);
    if (value.entry === "decision") decisions.push({ position, value });
  }
  return { state, releases, decisions };
}
