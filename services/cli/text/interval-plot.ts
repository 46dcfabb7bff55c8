import type { Criterion } from "../../pipeline/release.ts";

/** Columns that a plot needs to be of use, and those that it takes where there is room. */
export const MIN_PLOT_WIDTH = 12;
export const MAX_PLOT_WIDTH = 24;

/** What its signs mean. */
export const PLOT_LEGEND = "│ no change, ┊ limit, ├●┤ 95 % interval on screen rows";

/**
 * Draws an interval beside no change and the limit, on a scale that holds all three: `│┊      ├──●──┤`.
 * @param width in columns
 * @returns an empty string if the criterion was not measured
 */
export function intervalPlot(
  { difference, interval, margin }: Pick<Criterion, "difference" | "interval" | "margin">,
  width: number,
): string {
  if (difference === null) return "";
  const [low, high] = interval ?? [difference, difference];
  const from = Math.min(low, difference, margin, 0);
  const to = Math.max(high, difference, margin, 0);
  const column = (value: number) => (to === from ? 0 : Math.round(((value - from) / (to - from)) * (width - 1)));
  const cells = Array.from({ length: width }, () => " ");
  for (let at = column(low); at <= column(high); at += 1) cells[at] = "─";
  if (margin !== 0) cells[column(margin)] = "┊";
  cells[column(0)] = "│";
  cells[column(low)] = "├";
  cells[column(high)] = "┤";
  cells[column(difference)] = "●";
  return cells.join("").trimEnd();
}
