import { UncoupleError } from "../../common/errors.ts";
import type { Encoding } from "../../data/table/encoding.ts";

/** Means and standard deviations of a one-column numeric encoding. */
export function numericPart(encoding: Encoding): { readonly mean: readonly number[]; readonly std: readonly number[] } {
  const [column] = encoding.columns;
  if (column?.kind !== "numeric") throw new UncoupleError("internal", "a standardized target must be numeric");
  return column;
}
