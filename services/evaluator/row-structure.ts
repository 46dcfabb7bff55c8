import { UncoupleError } from "../common/errors.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import { groupColumns } from "../pipeline/group-columns.ts";
import { keyColumns } from "../pipeline/hashed-keys.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { RowStructure } from "../verdicts/judgement.ts";

/** More values of a slice column are an identifier rather than slices. */
const MOST_SLICES = 200;

/** The columns that are read as labels of the held-out rows. */
export function labelColumns(pipeline: Pipeline): readonly string[] {
  return [...new Set([...groupColumns(pipeline), ...keyColumns(pipeline), ...(pipeline.slices ?? [])])];
}

/**
 * Describes the groups and slices of the held-out rows. A key that no two rows share leaves rows independent.
 *
 * @throws UncoupleError `failed-precondition` if all rows are in one group, or a slice column has too many values
 */
export function rowStructure(pipeline: Pipeline, rows: number, labels: HeldOutRows["labels"]): RowStructure {
  const column = (name: string) => {
    const found = labels[name];
    if (found === undefined) throw new UncoupleError("internal", `the held-out rows have no label ${name}`);
    return found;
  };
  const groupings = groupColumns(pipeline).map((name) => {
    const { codes, dictionary } = column(name);
    if (dictionary.length > 1) return { codes, count: dictionary.length };
    throw new UncoupleError(
      "failed-precondition",
      `all held-out rows have the same value of ${name}, so there is only one group to judge by; choose another data.group`,
    );
  });
  const slices = (pipeline.slices ?? []).map((name) => {
    const { codes, dictionary } = column(name);
    if (dictionary.length <= MOST_SLICES) return { column: name, codes, values: dictionary };
    throw new UncoupleError(
      "failed-precondition",
      `slices: column ${name} has ${dictionary.length} values in the held-out rows; at most ${MOST_SLICES} can be judged`,
    );
  });
  const isShared = groupings.some(({ count }) => count < rows);
  return { groupings: isShared ? groupings : [], slices };
}
