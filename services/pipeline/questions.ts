import { snapshotName } from "./manifest.ts";
import type { Verdict } from "./verdict.ts";

/** How many verdicts have been given on each generation of held-out rows. */
export interface QuestionCount {
  /** Counts a verdict of the log, once. */
  note(verdict: Verdict): void;
  of(generation: number): number;
}

/**
 * Counts the verdicts of the log in its order. Where a compaction has removed some, the numbers that later verdicts carry
 * make up for them.
 */
export function createQuestionCount(): QuestionCount {
  const counts = new Map<number, number>();
  const noted = new Set<string>();
  return {
    note(verdict) {
      const { heldOut } = verdict;
      if (heldOut === undefined || noted.has(snapshotName(verdict))) return;
      noted.add(snapshotName(verdict));
      const { generation, question = 0 } = heldOut;
      counts.set(generation, Math.max((counts.get(generation) ?? 0) + 1, question));
    },
    of: (generation) => counts.get(generation) ?? 0,
  };
}
