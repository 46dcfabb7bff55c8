import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { openDataSource } from "../../../services/data/open-data-source.ts";
import type { DataAccess } from "../../../services/data/source/data-access.ts";
import type { DataSource } from "../../../services/data/source/data-source.ts";
import type { DatabaseRows, DataSourceSpec, FileRows, FileSplit } from "../../../services/pipeline/pipeline.ts";
import { extensionsFolder } from "./install.ts";

type Env = Readonly<Record<string, string>>;

/** What a process with these variables reads with. @returns also what it was warned of */
export function accessWith(env: Env, clock = systemClock): DataAccess & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    env: { UNCOUPLE_DUCKDB_EXTENSIONS: extensionsFolder, ...env },
    clock,
    warnings,
    warn: (message) => warnings.push(message),
  };
}

export type Place = (Pick<FileRows, "path"> & Partial<FileRows>) | (Pick<DatabaseRows, "url"> & Partial<DatabaseRows>);

/** A pipeline's data at a place, with the key `id` unless it says otherwise. */
export function specOf(place: Place, split: FileSplit = { testFraction: 0.25 }): DataSourceSpec {
  const source = "path" in place ? "file" : "database";
  return { source, key: "id", maxBadFraction: 0, ...place, ...split } as DataSourceSpec;
}

/** Opens a place, uses it, and closes it. */
export async function reading<T>(
  place: Place,
  access: DataAccess,
  use: (source: DataSource) => Promise<T>,
  split?: FileSplit,
): Promise<T> {
  const source = await openDataSource(specOf(place, split), import.meta.dirname, access);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/** The code and message of the error that an action must throw. */
export async function failureOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error) || !("code" in error)) throw new Error(`not a typed error: ${String(error)}`);
  return `${String(error.code)}: ${error.message}`;
}
