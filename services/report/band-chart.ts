import type { Html } from "./html.ts";
import { logTicks } from "./log-ticks.ts";
import { renderPlot } from "./plot.ts";

export interface Band {
  readonly series: string;
  readonly x: number;
  readonly y: number;
  /** Ends of the interval; without them, only the line is drawn. */
  readonly low?: number;
  readonly high?: number;
}

export interface BandChart {
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly points: readonly Band[];
  /** Lower end of the y axis at the least, above 0: smaller values are drawn at the end of the axis. */
  readonly floor: number;
}

/** Renders one line for each series with its interval as a band, on a logarithmic y axis. Series keep their order. */
export function bandChart({ label, xTitle, yTitle, points, floor }: BandChart): Promise<Html> {
  const series = [...new Set(points.map((point) => point.series))];
  // Intervals that reach below all means, or below 0, would stretch the axis over decades that have no line.
  const bottom = Math.max(floor, Math.min(...points.map(({ y }) => Math.max(y, floor))) / 1.5);
  const top = Math.max(bottom * 2, ...points.map(({ y }) => y)) * 1.5;
  const inside = (value: number) => Math.min(top, Math.max(bottom, value));
  const values = points.map(({ series: name, x, y, low, high }) => ({
    series: name,
    x,
    y: inside(y),
    ...(low !== undefined && high !== undefined && { low: inside(low), high: inside(high) }),
  }));
  const x = { field: "x", type: "quantitative", title: xTitle, axis: { grid: false, tickCount: 8 } } as const;
  const scale = { type: "log" as const, domain: [bottom, top], nice: false };
  const ticks = logTicks([bottom, top]).filter((tick) => tick >= bottom && tick <= top);
  const axis = { format: ",.4~g", values: ticks };
  const color = {
    field: "series",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: series },
    legend: { symbolType: "stroke", symbolOpacity: 1 },
  } as const;
  return renderPlot(
    {
      width: 720,
      height: 340,
      layer: [
        {
          data: { values: values.filter((value) => "low" in value) },
          mark: { type: "area", opacity: 0.1 },
          encoding: {
            x,
            y: { field: "low", type: "quantitative", title: yTitle, scale, axis },
            y2: { field: "high" },
            color,
          },
        },
        {
          data: { values },
          mark: { type: "line", strokeWidth: 2 },
          encoding: { x, y: { field: "y", type: "quantitative", title: yTitle, scale, axis }, color },
        },
      ],
    },
    label,
  );
}
