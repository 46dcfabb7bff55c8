import type { Html } from "./html.ts";
import { gridFormat } from "./numbers.ts";
import { inkColor, renderPlot } from "./plot.ts";

export interface HeatMap {
  readonly label: string;
  readonly rowTitle: string;
  readonly columnTitle: string;
  /** Top to bottom. */
  readonly rows: readonly string[];
  /** Left to right. */
  readonly columns: readonly string[];
  /** `values[row][column]`; lower is better; null where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[];
  /** The cell to outline, if any. */
  readonly outlined?: { readonly row: string; readonly column: string };
}

/**
 * Renders each value in a cell colored by its place between the lowest and the highest, on a logarithmic scale if all
 * values are positive, with enough digits to tell neighbors apart.
 */
export function heatMap(map: HeatMap): Promise<Html> {
  const format = gridFormat(map.values);
  const { outlined } = map;
  const cells = map.values.flatMap((row, i) =>
    row.flatMap((value, j) => {
      if (value === null) return [];
      const cell = { row: map.rows[i], column: map.columns[j] };
      const isOutlined = cell.row === outlined?.row && cell.column === outlined?.column;
      return [{ ...cell, value, text: format(value), isOutlined }];
    }),
  );
  const positive = cells.every(({ value }) => value > 0) && new Set(cells.map(({ value }) => value)).size > 1;
  return renderPlot(
    {
      data: { values: cells },
      width: { step: 36 + 7 * Math.max(8, ...map.columns.map((name) => name.length)) },
      height: { step: 44 },
      encoding: {
        y: {
          field: "row",
          type: "nominal",
          title: map.rowTitle,
          sort: [...map.rows],
          axis: axis(),
          scale: domain(map.rows),
        },
        x: {
          field: "column",
          type: "nominal",
          title: map.columnTitle,
          sort: [...map.columns],
          axis: { ...axis(), orient: "top", labelAngle: 0 },
          scale: domain(map.columns),
        },
      },
      layer: [
        {
          mark: { type: "rect", cornerRadius: 4, strokeWidth: 2, stroke: "var(--page)" },
          encoding: {
            color: {
              field: "value",
              type: "quantitative",
              legend: null,
              scale: {
                type: positive ? "log" : "linear",
                range: ["#8fd3b6", "#f2e6b1", "#f0935a"],
                interpolate: "rgb",
              },
            },
          },
        },
        {
          transform: [{ filter: "datum.isOutlined" }],
          mark: { type: "rect", cornerRadius: 4, strokeWidth: 3, stroke: inkColor, fill: null },
        },
        // Cells are light in both themes, so the numbers are always dark.
        {
          mark: { type: "text", fontSize: 14, fontWeight: 600, fill: "#1b1b1b" },
          encoding: { text: { field: "text" } },
        },
      ],
    },
    map.label,
  );
}

const axis = () => ({ grid: false, domain: false, ticks: false, labelColor: inkColor });
const domain = (values: readonly string[]) => ({ domain: [...values] });
