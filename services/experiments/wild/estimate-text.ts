import { formatPercent } from "../../report/numbers.ts";
import type { Estimate, Rate } from "./estimates.ts";

/** `+12 % [+3.1, +22]`, a relative change with its interval, if it has one; `-` without an estimate. */
export function estimateText(estimate: Estimate | null): string {
  if (estimate === null) return "-";
  const { value, low, high } = estimate;
  if (low === null || high === null) return formatPercent(100 * value);
  return `${formatPercent(100 * value)} [${[low, high].map((end) => formatPercent(100 * end).replace(" %", "")).join(", ")}]`;
}

/** `12 of 80, 15 % [8, 25]`; `none` without trials. */
export function rateText({ count, trials, value, low, high }: Rate): string {
  if (trials === 0 || low === null || high === null) return "none";
  return `${count} of ${trials}, ${Math.round(100 * value)} % [${Math.round(100 * low)}, ${Math.round(100 * high)}]`;
}
