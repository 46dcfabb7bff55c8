import { hashKey, keyColumns } from "../pipeline/hashed-keys.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { CategoricalColumn } from "./table/table.ts";

/**
 * Names rows for people: by the salted hash of their key, or as it is with `data.expose_keys`; without a key by their group.
 * @param labels with the key columns; @param salt of the pipeline, undefined if there is none yet
 * @returns the name of a row; undefined for a row without a key
 */
export function rowNames(
  pipeline: Pick<Pipeline, "data">,
  labels: Readonly<Record<string, CategoricalColumn>>,
  salt: string | undefined,
): (row: number) => string | undefined {
  const { data } = pipeline;
  const [column] = keyColumns(pipeline);
  const found = column === undefined ? undefined : labels[column];
  if (data.source === "synthetic" || column === undefined || found === undefined) return () => undefined;
  return (row) => {
    const key = found.dictionary[found.codes[row] as number] as string;
    if (data.exposeKeys === true) return `${column} ${key}`;
    return salt === undefined ? undefined : `${column} ${hashKey(column, key, salt)}`;
  };
}
