import type { ConsistencyGap, Verdict } from "../../pipeline/verdict.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";
import { plain } from "../terminal/style.ts";

/**
 * Formats a gap in one line: `gap m1 -> m2: +94 % [71, 118]; if m1 became right, the pipeline would degrade`. Nothing is
 * forecast if the interval contains 0.
 */
export function gapText(gap: ConsistencyGap): string {
  const { upstream, downstream, kind, reason, labels } = gap;
  const size = gapSize(gap);
  const forecasts: Readonly<Record<string, string>> = {
    degraded: `if ${upstream} became right, the pipeline would degrade`,
    improved: `if ${upstream} became right, the pipeline would improve`,
    equivalent: `if ${upstream} became right, the pipeline would not change by more than the smallest effect that matters`,
  };
  const forecast = reason === undefined ? forecasts[kind] : undefined;
  const unsure = reason === "too-few-rows" ? "too few annotated rows for such a tail" : "undecided";
  const by = labels === true ? " (measured with labels in place of probabilities)" : "";
  return plain(`gap ${upstream} -> ${downstream}: ${size}; ${forecast ?? unsure}${by}`);
}

/** `+94 % [71, 118]`, or the same in units of the loss if that is 0. */
export function gapSize({ gap, relative, interval, currentLoss }: ConsistencyGap): string {
  if (relative === null) return `${formatNumber(gap)} [${interval.map(formatNumber).join(", ")}]`;
  const ends = interval.map((end) => formatPercent((100 * end) / Math.abs(currentLoss), false).replace(" %", ""));
  return `${formatPercent(100 * relative)} [${ends.join(", ")}]`;
}

/** The gaps of a verdict's candidate, one line each, with what they were before. */
export function consistencyLines({ consistency }: Verdict): string[] {
  if (consistency === undefined) return [];
  return consistency.candidate.map((gap) => {
    const before = consistency.current?.find(
      ({ upstream, downstream }) => upstream === gap.upstream && downstream === gap.downstream,
    );
    return `    ${gapText(gap)}${before === undefined ? "" : plain(`; before: ${gapSize(before)}`)}`;
  });
}
