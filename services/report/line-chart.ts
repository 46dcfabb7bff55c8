import type { Html } from "./html.ts";
import { logTicks } from "./log-ticks.ts";
import { renderPlot } from "./plot.ts";

export interface LineSeries {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LineChart {
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly LineSeries[];
  /** Logarithmic y axis, for losses that fall by orders of magnitude. Falls back to linear unless every y is positive. */
  readonly logY?: boolean;
  /** Whether a value holds until the next one, instead of changing steadily. */
  readonly isStepped?: boolean;
}

/** Renders one line per series; omits points that are not finite. */
export function lineChart(chart: LineChart): Promise<Html> {
  const values = chart.series.flatMap(({ name, points }) =>
    points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)).map(({ x, y }) => ({ series: name, x, y })),
  );
  const log = chart.logY === true && values.every(({ y }) => y > 0);
  return renderPlot(
    {
      data: { values },
      width: 560,
      height: 260,
      mark: {
        type: "line",
        strokeWidth: 2,
        interpolate: chart.isStepped === true ? "step-after" : "linear",
        ...(values.length < 60 && { point: { size: 30 } }),
      },
      encoding: {
        x: { field: "x", type: "quantitative", title: chart.xTitle, axis: { grid: false, tickCount: 6 } },
        y: {
          field: "y",
          type: "quantitative",
          title: chart.yTitle,
          scale: { type: log ? "log" : "linear", nice: true },
          axis: { format: ",.4~g", ...(log ? { values: logTicks(values.map(({ y }) => y)) } : { tickCount: 6 }) },
        },
        color: {
          field: "series",
          type: "nominal",
          title: null,
          sort: null,
          scale: { domain: chart.series.map(({ name }) => name) },
          ...(chart.series.length === 1 && { legend: null }),
        },
      },
    },
    chart.label,
  );
}
