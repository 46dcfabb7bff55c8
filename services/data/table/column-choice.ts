import { UncoupleError } from "../../common/errors.ts";
import { availableNames, didYouMean } from "../../common/suggest.ts";
import type { ColumnSchema } from "./table.ts";

/**
 * Selects the schemas of the named columns, without duplicates.
 * @throws UncoupleError `invalid-argument` naming all unknown columns
 */
export function chooseColumns(schema: readonly ColumnSchema[], names: readonly string[]): readonly ColumnSchema[] {
  const byName = new Map(schema.map((column) => [column.name, column]));
  const missing = names.filter((name) => !byName.has(name));
  if (missing.length > 0) {
    const sentences = missing.map((name) => `unknown column "${name}"${didYouMean(name, byName.keys())}`);
    throw new UncoupleError(
      "invalid-argument",
      `${sentences.join("; ")} (available: ${availableNames(byName.keys())})`,
    );
  }
  return [...new Set(names)].map((name) => byName.get(name) as ColumnSchema);
}
