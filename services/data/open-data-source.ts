import type { DataSourceSpec } from "../pipeline/pipeline.ts";
import { openFileSource } from "./file/file-source.ts";
import type { DataSource } from "./source/data-source.ts";
import { createSyntheticSource } from "./synthetic/synthetic-source.ts";

/**
 * @param baseDir what a relative path in the specification is relative to: the pipeline file's folder
 * @throws UncoupleError `invalid-argument` (a generator that does not exist, an unreadable file), `not-found` (no file)
 */
export async function openDataSource(spec: DataSourceSpec, baseDir: string): Promise<DataSource> {
  return spec.source === "synthetic" ? createSyntheticSource(spec) : openFileSource(spec, baseDir);
}
