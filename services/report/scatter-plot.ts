import type { Html } from "./html.ts";
import { inkColor, renderPlot } from "./plot.ts";

export interface ScatterPlot {
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Drawn in the color of the series, which the legend names in this order. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly series: string }[];
}

/** Renders points with lines at 0 on both axes; omits points that are not finite. */
export function scatterPlot({ label, xTitle, yTitle, points }: ScatterPlot): Promise<Html> {
  const values = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const rule = { type: "rule", color: inkColor, strokeWidth: 1, opacity: 0.5 } as const;
  return renderPlot(
    {
      width: 420,
      height: 320,
      layer: [
        { data: { values: [{}] }, mark: rule, encoding: { x: { datum: 0 } } },
        { data: { values: [{}] }, mark: rule, encoding: { y: { datum: 0 } } },
        {
          data: { values },
          mark: { type: "point", filled: true, size: 50, opacity: 0.8 },
          encoding: {
            x: { field: "x", type: "quantitative", title: xTitle, axis: { tickCount: 6 } },
            y: { field: "y", type: "quantitative", title: yTitle, axis: { tickCount: 6 } },
            color: {
              field: "series",
              type: "nominal",
              title: null,
              scale: { domain: [...new Set(values.map(({ series }) => series))] },
            },
          },
        },
      ],
    },
    label,
  );
}
