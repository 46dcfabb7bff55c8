import { mean } from "../../common/statistics.ts";
import type { PolicyRun } from "../records/policy-run.ts";

/** An edge and its consistency gap under one policy. */
export interface EdgeGap {
  readonly upstream: string;
  readonly downstream: string;
  /** Mean over the seeds that have it; normalized like losses. */
  readonly gap: number;
}

/** The gaps of what is in use at the end under a policy, averaged over seeds, by edge. */
export function edgeGaps(runs: readonly PolicyRun[], policy: string): readonly EdgeGap[] {
  const found = new Map<string, { readonly upstream: string; readonly downstream: string; readonly gaps: number[] }>();
  for (const run of runs) {
    if (run.policy !== policy) continue;
    for (const { upstream, downstream, gap } of run.gaps) {
      const key = `${upstream} ${downstream}`;
      const edge = found.get(key) ?? { upstream, downstream, gaps: [] };
      edge.gaps.push(gap);
      found.set(key, edge);
    }
  }
  return [...found.values()].map(({ gaps, ...edge }) => ({ ...edge, gap: mean(gaps) }));
}
