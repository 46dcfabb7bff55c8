import type { Html } from "./html.ts";
import { inkColor, renderPlot, seriesColor } from "./plot.ts";

export interface Histogram {
  readonly label: string;
  readonly xTitle: string;
  /** Ascending. */
  readonly edges: readonly number[];
  /** Share of each bin, one fewer than `edges`. */
  readonly shares: readonly number[];
}

/** Renders the shares of bins, with a line at 0. */
export function histogram({ label, xTitle, edges, shares }: Histogram): Promise<Html> {
  const bins = shares.map((share, bin) => ({ low: edges[bin], high: edges[bin + 1], share }));
  const x = { type: "quantitative" as const, title: xTitle, axis: { tickCount: 6, grid: false, format: ",.4~g" } };
  return renderPlot(
    {
      data: { values: bins },
      width: 440,
      height: 200,
      layer: [
        {
          mark: { type: "bar", binSpacing: 1, color: seriesColor },
          encoding: {
            x: { field: "low", bin: { binned: true }, ...x },
            x2: { field: "high" },
            y: { field: "share", type: "quantitative", title: "share of rows", axis: { tickCount: 5, format: "%" } },
          },
        },
        {
          data: { values: [{}] },
          mark: { type: "rule", stroke: inkColor, strokeWidth: 1.5, opacity: 0.7 },
          encoding: { x: { datum: 0, ...x } },
        },
      ],
    },
    label,
  );
}
