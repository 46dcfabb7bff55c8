import { gateLevel, measureMargin, testMargin } from "../../../services/releases/gate/margin-test.ts";
import { unitsNeeded } from "../../../services/verdicts/paired/floor.ts";
import { hallInterval } from "../../../services/verdicts/paired/hall.ts";
import type { RowKind } from "../loss-rows.ts";
import { drawRows } from "../loss-rows.ts";

/** What one confirm question answers about an update that changes nothing but noise. Shares of all trials. */
export interface ConfirmedNoise {
  readonly kind: RowKind;
  readonly rows: number;
  readonly trials: number;
  /** Confirmed as an improvement; nominally half of the level's error. */
  readonly confirmed: number;
  /** The same with the floor of verdicts, which does not grow with the level. */
  readonly byVerdictFloor: number;
  /** Too few rows for such a tail at the level. */
  readonly tooFew: number;
}

export async function confirmedNoise(
  kind: RowKind,
  rows: number,
  trials: number,
  horizon: number,
): Promise<ConfirmedNoise> {
  const level = gateLevel(horizon);
  const reference = new Float64Array(rows).fill(100);
  let [confirmed, byVerdictFloor, tooFew] = [0, 0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const { differences, groupings } = drawRows(kind, rows, 1_000_000 + trial);
    const candidate = differences.map((difference) => 100 + difference);
    const sample = await measureMargin({ reference, candidate, groupings }, 0, trial);
    if (sample === undefined) continue;
    const test = testMargin(sample, level);
    if (test.isShownBelow) confirmed += 1;
    if (test.rowsNeeded !== null) tooFew += 1;
    const { moments } = sample;
    if (moments.units >= unitsNeeded(moments) && hallInterval(moments, level)[1] < 0) byVerdictFloor += 1;
  }
  return {
    kind,
    rows,
    trials,
    confirmed: confirmed / trials,
    byVerdictFloor: byVerdictFloor / trials,
    tooFew: tooFew / trials,
  };
}
