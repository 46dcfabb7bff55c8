import type { CoordinateProfile } from "../../pipeline/column-profile.ts";
import type { Column } from "./table.ts";

/**
 * Counts the rows in each bin of a profile.
 * @param column with the coordinate `index`
 * @returns undefined if the profile describes another kind of column
 */
export function countBins(
  { edges, values, shares }: CoordinateProfile,
  column: Column,
  index: number,
): Float64Array | undefined {
  const counts = new Float64Array(shares.length);
  const count = (bin: number) => {
    counts[bin] = (counts[bin] as number) + 1;
  };
  if (column.kind === "numeric") {
    if (edges === undefined || edges.length + 1 !== shares.length || index >= column.width) return undefined;
    const bounds = Float32Array.from(edges);
    for (let at = index; at < column.values.length; at += column.width) {
      const value = column.values[at] as number;
      let bin = 0;
      while (bin < bounds.length && value > (bounds[bin] as number)) bin++;
      count(bin);
    }
    return counts;
  }
  if (values === undefined || values.length + 1 !== shares.length) return undefined;
  const places = new Map(values.map((value, bin) => [value, bin]));
  const binOf = column.dictionary.map((value) => places.get(value) ?? values.length);
  for (const code of column.codes) count(binOf[code] as number);
  return counts;
}
