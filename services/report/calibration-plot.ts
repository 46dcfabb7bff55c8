import type { Html } from "./html.ts";
import { inkColor, renderPlot } from "./plot.ts";

export interface CalibrationPlot {
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly points: readonly { readonly series: string; readonly predicted: number; readonly actual: number }[];
}

/** Renders means of predictions against means of what they predict, with the diagonal on which both are equal. */
export function calibrationPlot({ label, xTitle, yTitle, points }: CalibrationPlot): Promise<Html> {
  const all = points.flatMap(({ predicted, actual }) => [predicted, actual]);
  const domain = [Math.min(...all), Math.max(...all)];
  const diagonal = domain.map((at) => ({ predicted: at, actual: at }));
  const axis = { tickCount: 6, format: ",.4~g", grid: false };
  const scale = { zero: false, nice: true };
  const x = { field: "predicted", type: "quantitative", title: xTitle, axis, scale } as const;
  const y = { field: "actual", type: "quantitative", title: yTitle, axis: { ...axis, grid: true }, scale } as const;
  const series = [...new Set(points.map((point) => point.series))];
  const legend = series.length === 1 ? { legend: null } : {};
  const color = {
    field: "series",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: series },
    ...legend,
  } as const;
  return renderPlot(
    {
      width: 380,
      height: 300,
      layer: [
        {
          data: { values: diagonal },
          mark: { type: "line", stroke: inkColor, strokeWidth: 1, strokeDash: [4, 3], opacity: 0.6 },
          encoding: { x, y },
        },
        {
          data: { values: points.map((point) => ({ ...point })) },
          mark: { type: "line", strokeWidth: 2, point: { size: 40 } },
          encoding: { x, y, color },
        },
      ],
    },
    label,
  );
}
