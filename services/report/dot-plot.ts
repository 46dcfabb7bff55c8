import type { Html } from "./html.ts";
import { inkColor, renderPlot, seriesColor } from "./plot.ts";

export interface Dot {
  readonly name: string;
  readonly value: number;
  /** Ends of the interval. */
  readonly low: number;
  readonly high: number;
}

export interface DotPlot {
  readonly label: string;
  readonly xTitle: string;
  /** Of the rows as a whole: drawn as a line. */
  readonly reference: number;
  /** Top to bottom. */
  readonly dots: readonly Dot[];
}

/** Renders values with their intervals, one a row. */
export function dotPlot({ label, xTitle, reference, dots }: DotPlot): Promise<Html> {
  const y = { field: "name", type: "nominal", title: null, sort: null } as const;
  const scale = { zero: false, nice: true };
  const x = { type: "quantitative" as const, title: xTitle, scale, axis: { tickCount: 6, format: ",.4~g" } };
  return renderPlot(
    {
      data: { values: dots.map((dot) => ({ ...dot })) },
      width: 440,
      height: { step: 19 },
      layer: [
        {
          data: { values: [{}] },
          mark: { type: "rule", stroke: inkColor, strokeDash: [4, 3], opacity: 0.6 },
          encoding: { x: { datum: reference, ...x } },
        },
        {
          mark: { type: "rule", stroke: seriesColor, strokeWidth: 2 },
          encoding: { y, x: { field: "low", ...x }, x2: { field: "high" } },
        },
        {
          mark: { type: "point", filled: true, size: 46, opacity: 1, color: seriesColor },
          encoding: { y, x: { field: "value", ...x } },
        },
      ],
    },
    label,
  );
}
