import { mean, quantile, sampleVariance } from "../../common/statistics.ts";
import type { CategoricalColumn, NumericColumn, Table } from "../../data/table/table.ts";
import type { SliceLoss } from "../../pipeline/run-report.ts";

/** Fewer rows say nothing about a slice. */
const FEWEST_ROWS = 30;
const MOST_COLUMNS = 16;
/** Most frequent values of a text column. */
const MOST_VALUES = 8;
const FIFTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/**
 * Divides rows by the values of text columns and the fifths of numbers. Leaves out vectors, columns with one slice, and columns
 * after the sixteenth.
 * @param losses [rows] @param names of columns of the table
 */
export function sliceLosses(table: Table, names: readonly string[], losses: Float64Array): readonly SliceLoss[] {
  const divided = names.flatMap((name) => {
    const column = table.columns[name];
    if (column === undefined || column.width > 1) return [];
    const parts = column.kind === "categorical" ? valuesOf(column) : fifthsOf(column);
    const slices = parts.filter(({ rows }) => rows.length >= FEWEST_ROWS);
    return slices.length < 2 ? [] : [slices.map(({ value, rows }) => measured(name, value, rows, losses))];
  });
  return divided.slice(0, MOST_COLUMNS).flat();
}

interface Part {
  readonly value: string;
  readonly rows: readonly number[];
}

function measured(column: string, value: string, rows: readonly number[], losses: Float64Array): SliceLoss {
  const own = rows.map((row) => losses[row] as number);
  return {
    column,
    value,
    rows: rows.length,
    loss: mean(own),
    standardError: Math.sqrt(sampleVariance(own) / own.length),
  };
}

function valuesOf({ codes, dictionary }: CategoricalColumn): Part[] {
  const rows = dictionary.map((): number[] => []);
  codes.forEach((code, row) => {
    rows[code]?.push(row);
  });
  return dictionary
    .map((value, code) => ({ value, rows: rows[code] as number[] }))
    .sort((a, b) => b.rows.length - a.rows.length || (a.value < b.value ? -1 : 1))
    .slice(0, MOST_VALUES);
}

function fifthsOf({ values }: NumericColumn): Part[] {
  const sorted = Float64Array.from(values).sort();
  const edges = [...new Set(FIFTHS.map((probability) => quantile(sorted, probability)))];
  // A column with few distinct numbers has fewer edges.
  if (edges.length < 2) return [];
  return edges.slice(1).map((high, part) => {
    const low = edges[part] as number;
    const isLast = part === edges.length - 2;
    const rows: number[] = [];
    values.forEach((value, row) => {
      if (value >= low && (value < high || (isLast && value <= high))) rows.push(row);
    });
    return { value: `${short(low)} to ${short(high)}`, rows };
  });
}

const short = (value: number) => String(Number(value.toPrecision(4)));
