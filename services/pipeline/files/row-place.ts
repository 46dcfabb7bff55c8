import * as z from "zod";
import {
  type DatabaseRowPlace,
  type DataSourceSpec,
  FILE_FORMATS,
  type RowPlace,
  type StoredSource,
} from "../pipeline.ts";
import { columnSchema, isRecord, parseWith, shown, strict } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/** The keys that say where files are. */
export const filePlace = {
  path: z.string().min(1),
  format: z.enum(FILE_FORMATS).optional(),
  query: z.string().min(1).optional(),
};

/** The keys that say where a database and its rows are. */
export const databasePlace = {
  url_env: z.string().min(1).optional(),
  url_file: z.string().min(1).optional(),
  table: z
    .string()
    .regex(/^[^.\p{Cc}]+(\.[^.\p{Cc}]+)?$/u, { error: "must be a table, or schema.table" })
    .optional(),
  query: z.string().min(1).optional(),
};

/** Keys of `data` that hold for every place of its rows, which may be repeated there. */
const common = {
  key: columnSchema.optional(),
  group: z.union([columnSchema, z.array(columnSchema).min(1).max(2)]).optional(),
  max_bad_fraction: z.number().optional(),
  expose_keys: z.boolean().optional(),
};

const placedFiles = strict({ source: z.literal("file").optional(), ...filePlace, ...common });
const placedDatabase = strict({ source: z.literal("database").optional(), ...databasePlace, ...common });

/**
 * Parses another place of the rows of `data`: `data.held_out`, or the `data` of a component. The kind of source follows from
 * its keys; a database without a URL is that of `data`.
 * @param data that of the file; undefined after problems
 * @returns undefined after reporting every problem
 */
export function parseRowPlace(
  value: unknown,
  data: DataSourceSpec | undefined,
  path: Path,
  reporter: Reporter,
): RowPlace | undefined {
  if (!isRecord(value)) {
    reporter.report(path, `must be a mapping (key: value), not ${shown(value)}`);
    return undefined;
  }
  if (data === undefined) return undefined;
  if (data.source === "synthetic") {
    reporter.report(path, "needs data from files or a database");
    return undefined;
  }
  if (value.source !== undefined) {
    const known = parseWith(z.enum(["file", "database"]), value.source, [...path, "source"], reporter);
    if (known === undefined) return undefined;
  }
  const before = reporter.problems.length;
  const place =
    kindOf(value) === "database" ? parseDatabase(value, data, path, reporter) : parseFiles(value, path, reporter);
  checkRepeated(value, data, path, reporter);
  return reporter.problems.length > before ? undefined : place;
}

function kindOf(value: Readonly<Record<string, unknown>>): unknown {
  if (value.source !== undefined) return value.source;
  return ["table", "url_env", "url_file"].some((key) => value[key] !== undefined) ? "database" : "file";
}

function parseFiles(value: unknown, path: Path, reporter: Reporter): RowPlace | undefined {
  const parsed = parseWith(placedFiles, value, path, reporter);
  if (parsed === undefined) return undefined;
  const { path: files, format, query } = parsed;
  return {
    source: "file",
    path: files,
    ...(format === undefined ? {} : { format }),
    ...(query === undefined ? {} : { query }),
  };
}

function parseDatabase(value: unknown, data: StoredSource, path: Path, reporter: Reporter): RowPlace | undefined {
  const parsed = parseWith(placedDatabase, value, path, reporter);
  if (parsed === undefined) return undefined;
  if (data.key === undefined) reporter.report(path, "needs data.key, because tables have no order");
  return databaseRows(parsed, data.source === "database" ? data.url : undefined, path, reporter);
}

/** @param inherited where the URL is if the keys do not say it */
export function databaseRows(
  { url_env: env, url_file: file, table, query }: z.output<z.ZodObject<typeof databasePlace>>,
  inherited: DatabaseRowPlace["url"] | undefined,
  path: Path,
  reporter: Reporter,
): DatabaseRowPlace {
  // Not by the schema, whose messages show the value.
  if (env !== undefined && !/^[A-Za-z_]\w*$/.test(env)) {
    const what = "must be the name of an environment variable, which has the URL";
    reporter.report([...path, "url_env"], `${what}: credentials do not belong in this file`);
  }
  if (file !== undefined && /^\w+:\/\//.test(file)) {
    const what = "must be the path of a file, which has the URL";
    reporter.report([...path, "url_file"], `${what}: credentials do not belong in this file`);
  }
  if (env !== undefined && file !== undefined) {
    reporter.report([...path, "url_file"], "url_env already says where the URL is; remove one of them");
  } else if (env === undefined && file === undefined && inherited === undefined) {
    reporter.report(path, "needs url_env, the environment variable with the URL of the database, or url_file");
  }
  if (table !== undefined && query !== undefined) {
    reporter.report([...path, "query"], "table already says which rows are read; remove one of them");
  } else if (table === undefined && query === undefined) {
    reporter.report(path, "needs a table or a query");
  }
  const own = env === undefined ? { file: file ?? "" } : { env };
  const url = env === undefined && file === undefined && inherited !== undefined ? inherited : own;
  return {
    source: "database",
    url,
    ...(table === undefined ? {} : { table }),
    ...(query === undefined ? {} : { query }),
  };
}

/** What identifies rows and hides keys is the same wherever they are. */
function checkRepeated(
  value: Readonly<Record<string, unknown>>,
  data: StoredSource,
  path: Path,
  reporter: Reporter,
): void {
  const own = {
    key: data.key,
    group: data.group,
    max_bad_fraction: data.maxBadFraction,
    expose_keys: data.exposeKeys ?? false,
  };
  for (const [key, expected] of Object.entries(own)) {
    const given = key === "group" && typeof value[key] === "string" ? [value[key]] : value[key];
    if (given === undefined || JSON.stringify(given) === JSON.stringify(expected)) continue;
    reporter.report([...path, key], `must be that of data, or left out`);
  }
}
