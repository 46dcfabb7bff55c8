import type { Html } from "./html.ts";
import { inkColor, renderPlot } from "./plot.ts";

export interface IntervalPoint {
  readonly group: string;
  readonly series: string;
  /** Positive: a factor, 1 for no change. */
  readonly factor: number;
  /** Ends of the interval, positive; without them, only the point is drawn. */
  readonly low?: number;
  readonly high?: number;
}

export interface IntervalPlot {
  readonly label: string;
  readonly xTitle: string;
  readonly points: readonly IntervalPoint[];
}

/** Height of one series within a group, in pixels. */
const SERIES_HEIGHT = 13;
/** Keeps points off the edges. */
const MARGIN = 1.08;
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
/** For plots in which all factors are near 1. */
const FINE_TICKS = [0.6, 0.8, 0.9, 1, 1.1, 1.25, 1.5];

/**
 * Renders factors with their intervals on a logarithmic scale, one row for each group, one point for each series in it.
 * Factors above 1 are to the right of a line, on the color of bad news. Groups and series keep their order.
 */
export function intervalPlot({ label, xTitle, points }: IntervalPlot): Promise<Html> {
  const groups = [...new Set(points.map(({ group }) => group))];
  const series = [...new Set(points.map(({ series }) => series))];
  const all = points.flatMap(({ factor, low, high }) => [factor, low ?? factor, high ?? factor]);
  const lowest = Math.min(0.75, ...all) / MARGIN;
  const highest = Math.max(1.35, ...all) * MARGIN;
  const scale = { type: "log" as const, domain: [lowest, highest], nice: false };
  const x = {
    type: "quantitative" as const,
    title: xTitle,
    scale,
    axis: {
      values: (highest / lowest < 4 ? FINE_TICKS : TICKS).filter((tick) => tick >= lowest && tick <= highest),
      labelExpr: `"× " + datum.value`,
      labelOverlap: "greedy" as const,
    },
  };
  const y = {
    field: "group",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: groups, paddingInner: 0.25, paddingOuter: 0.1 },
    axis: { grid: false, ticks: false, domain: false, labelColor: inkColor, labelPadding: 10 },
  } as const;
  const yOffset = { field: "series", scale: { domain: series } } as const;
  const color = {
    field: "series",
    type: "nominal",
    title: null,
    scale: { domain: series },
    legend: { orient: "top" },
  } as const;
  const measured = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return renderPlot(
    {
      data: { values: points.map((point) => ({ ...point })) },
      width: 560,
      height: groups.length * (series.length * SERIES_HEIGHT + 12),
      layer: [
        {
          data: { values: [{ from: 1, to: highest }] },
          mark: { type: "rect", fill: "var(--bad-soft)" },
          encoding: { x: { field: "from", ...x }, x2: { field: "to" } },
        },
        {
          data: { values: [{ at: 1 }] },
          mark: { type: "rule", stroke: inkColor, strokeWidth: 1 },
          encoding: { x: { field: "at", ...x } },
        },
        {
          data: { values: measured.map((point) => ({ ...point })) },
          mark: { type: "rule", strokeWidth: 2 },
          encoding: { y, yOffset, x: { field: "low", ...x }, x2: { field: "high" }, color },
        },
        {
          mark: { type: "point", filled: true, size: 55, opacity: 1 },
          encoding: { y, yOffset, x: { field: "factor", ...x }, color },
        },
      ],
    },
    label,
  );
}
