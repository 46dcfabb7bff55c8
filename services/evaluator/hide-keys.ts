import { hashKey, keyColumns } from "../pipeline/hashed-keys.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { RowStructure } from "../verdicts/judgement.ts";

/**
 * Replaces keys by salted hashes in what verdicts will show, which leaves the evaluator; `data.expose_keys` keeps them. Equal
 * keys have equal hashes in all verdicts of a pipeline.
 * @param salt of the pipeline (`HeldOutGeneration`)
 */
export function hideKeys(structure: RowStructure, pipeline: Pipeline, salt: string): RowStructure {
  const { data } = pipeline;
  if (data.source === "synthetic" || data.exposeKeys === true) return structure;
  const keys = keyColumns(pipeline);
  const slices = structure.slices.map((slice) =>
    keys.includes(slice.column)
      ? { ...slice, values: slice.values.map((value) => hashKey(slice.column, value, salt)) }
      : slice,
  );
  return { ...structure, slices };
}
