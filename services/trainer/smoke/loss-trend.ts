import { mean, sampleVariance } from "../../common/statistics.ts";

/** How the training loss went. */
export interface LossTrend {
  /** Mean over the first and over the last quarter of the steps. */
  readonly first: number;
  readonly last: number;
  /** `flat`: the two are less than two standard errors apart. */
  readonly trend: "fell" | "flat" | "rose";
}

/** @param losses of every step, in order, at least one */
export function lossTrend(losses: readonly number[]): LossTrend {
  const quarter = Math.max(1, Math.floor(losses.length / 4));
  const [early, late] = [losses.slice(0, quarter), losses.slice(-quarter)];
  const [first, last] = [mean(early), mean(late)];
  const error = Math.sqrt((sampleVariance(early) + sampleVariance(late)) / quarter);
  const trend = last < first - 2 * error ? "fell" : last > first + 2 * error ? "rose" : "flat";
  return { first, last, trend };
}
