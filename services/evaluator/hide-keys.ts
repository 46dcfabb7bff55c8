import { createHmac } from "node:crypto";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { keyColumns } from "./row-structure.ts";

/** Hexadecimal digits of a hash: two of a million keys share one with a probability of 3e-8. */
const DIGITS = 16;

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

/** `#3f9a2c0b71d4e865`: HMAC-SHA-256 of the column and the key. */
function hashKey(column: string, key: string, salt: string): string {
  const hash = createHmac("sha256", Buffer.from(salt, "base64")).update(JSON.stringify([column, key]));
  return `#${hash.digest("hex").slice(0, DIGITS)}`;
}
