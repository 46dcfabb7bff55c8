import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { ConsistencyGap, MeasuredGaps } from "../pipeline/verdict.ts";
import { type Metrics, SCRAPE_TIMEOUT_MS } from "../runtime/metrics.ts";

export interface GapGauges {
  readonly clock: Clock;
  /** The consistency gaps of what is in use; undefined if they cannot be measured. */
  gaps(): Promise<MeasuredGaps | undefined>;
}

/** The gaps as fractions of the loss, and the lower ends of their intervals, by which an alert can ask for a sure one. */
export function exportConsistencyGaps(metrics: Metrics, { clock, gaps }: GapGauges): void {
  const add = (name: string, help: string, endOf: (gap: ConsistencyGap) => number) =>
    metrics.gauge({
      name,
      help,
      labels: ["upstream", "downstream"],
      collect: async (gauge) => {
        const asked = gaps().then(
          (measured) => ({ gaps: measured?.gaps ?? [] }),
          () => undefined,
        );
        // While the hosts are busy or the store is away, the gauge keeps its last values.
        if (!(await settlesWithin(clock, SCRAPE_TIMEOUT_MS, asked, { keepsAlive: false }))) return;
        const measured = await asked;
        if (measured === undefined) return;
        gauge.reset();
        for (const gap of measured.gaps) {
          const { upstream, downstream, currentLoss } = gap;
          if (currentLoss !== 0) gauge.set({ upstream, downstream }, endOf(gap) / Math.abs(currentLoss));
        }
      },
    });
  add(
    "uncouple_consistency_gap",
    "Relative change of the pipeline loss on annotated held-out rows if the upstream's output became right, for the snapshots in use; absent without audit.held_out.",
    ({ gap }) => gap,
  );
  add(
    "uncouple_consistency_gap_low",
    "Lower end of the interval of uncouple_consistency_gap.",
    ({ interval }) => interval[0],
  );
}
