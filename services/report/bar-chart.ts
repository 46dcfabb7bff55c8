import type { Html } from "./html.ts";
import { inkColor, renderPlot } from "./plot.ts";

export interface Bar {
  readonly group: string;
  readonly series: string;
  readonly value: number;
  /** Ends of the error bar, in the units of `value`. */
  readonly low?: number;
  readonly high?: number;
}

export interface BarChart {
  readonly label: string;
  readonly groupTitle: string;
  readonly yTitle: string;
  readonly bars: readonly Bar[];
}

/** Upper estimate of the width of a character in an axis label, in pixels. */
const LABEL_CHARACTER = 7;

/** Renders grouped bars, with error bars where a bar has an interval. Groups and series keep their order. */
export function barChart(chart: BarChart): Promise<Html> {
  const groups = [...new Set(chart.bars.map(({ group }) => group))];
  const series = [...new Set(chart.bars.map(({ series }) => series))];
  const x = { field: "group", type: "nominal", title: chart.groupTitle, scale: { domain: groups } } as const;
  const xOffset = { field: "series", scale: { domain: series } } as const;
  const longest = Math.max(0, ...groups.map((group) => group.length));
  const measured = chart.bars.filter(({ low, high }) => low !== undefined && high !== undefined);
  return renderPlot(
    {
      data: { values: chart.bars.map((bar) => ({ ...bar })) },
      // Wide enough for the bars and for the group names.
      width: Math.max(320, 40 + groups.length * Math.max(series.length * 30, longest * LABEL_CHARACTER)),
      height: 260,
      layer: [
        {
          mark: { type: "bar", cornerRadiusEnd: 2 },
          encoding: {
            x: { ...x, axis: { labelAngle: 0, grid: false } },
            xOffset,
            y: { field: "value", type: "quantitative", title: chart.yTitle, axis: { tickCount: 6, format: ",.4~g" } },
            color: {
              field: "series",
              type: "nominal",
              title: null,
              scale: { domain: series },
              ...(series.length === 1 && { legend: null }),
            },
          },
        },
        {
          data: { values: measured.map((bar) => ({ ...bar })) },
          mark: { type: "rule", stroke: inkColor, strokeWidth: 1.5 },
          encoding: { x, xOffset, y: { field: "low", type: "quantitative" }, y2: { field: "high" } },
        },
      ],
    },
    chart.label,
  );
}
