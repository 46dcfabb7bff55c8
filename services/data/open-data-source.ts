import type { DataSourceSpec } from "../pipeline/pipeline.ts";
import type { DataAccess } from "./source/data-access.ts";
import type { DataSource } from "./source/data-source.ts";
import { createSyntheticSource } from "./synthetic/synthetic-source.ts";

/**
 * Opens the data source of a pipeline.
 * @param baseDir the folder of the pipeline file, which a relative path is relative to
 * @param access what other machines are read with; without it, only local files are
 * @param memoryBytes beyond which the source spills to disk
 * @throws UncoupleError `invalid-argument` (an unknown generator, an unreadable file), `not-found` (no file)
 */
export async function openDataSource(
  spec: DataSourceSpec,
  baseDir: string,
  access?: DataAccess,
  memoryBytes?: number,
): Promise<DataSource> {
  if (spec.source === "synthetic") return createSyntheticSource(spec);
  // Generated data need no DuckDB in memory.
  const { openFileSource } = await import("./file/file-source.ts");
  return openFileSource(spec, baseDir, access, memoryBytes);
}
