import type { Pipeline } from "./pipeline.ts";

/** The columns whose values group the held-out rows: `data.group`, else `data.key`. */
export function groupColumns({ data }: Pick<Pipeline, "data">): readonly string[] {
  if (data.source === "synthetic") return [];
  return data.group ?? (data.key === undefined ? [] : [data.key]);
}
