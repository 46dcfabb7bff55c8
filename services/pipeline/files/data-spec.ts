import * as z from "zod";
import { type DatabaseSource, type DataSourceSpec, FILE_FORMATS, type FileSource } from "../pipeline.ts";
import { columnSchema, isRecord, parseWith, shown, strict } from "./schema.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

const fraction = z.number().gt(0).lt(1);

const syntheticSchema = strict({
  source: z.literal("synthetic"),
  generator: z.string(),
  parameters: z.record(z.string(), z.number()).optional(),
  seed: z.int().min(0).default(1),
  rows: z.int().min(2).max(2_000_000_000),
  test_fraction: fraction.default(0.2),
});

const rowsShape = {
  query: z.string().min(1).optional(),
  group: z.union([columnSchema, z.array(columnSchema).min(1).max(2)]).optional(),
  test_fraction: fraction.default(0.2),
  max_bad_fraction: z.number().min(0).max(1).default(0.01),
  expose_keys: z.boolean().default(false),
};

const fileSchema = strict({
  source: z.literal("file"),
  path: z.string().min(1),
  format: z.enum(FILE_FORMATS).optional(),
  key: columnSchema.optional(),
  ...rowsShape,
});

const databaseSchema = strict({
  source: z.literal("database"),
  url_env: z.string().min(1).optional(),
  url_file: z.string().min(1).optional(),
  table: z
    .string()
    .regex(/^[^.\p{Cc}]+(\.[^.\p{Cc}]+)?$/u, { error: "must be a table, or schema.table" })
    .optional(),
  key: columnSchema,
  ...rowsShape,
});

const SOURCES = ["synthetic", "file", "database"] as const;

/** Parses the pipeline file's `data`. @returns undefined after reporting every problem */
export function parseData(value: unknown, reporter: Reporter): DataSourceSpec | undefined {
  const source = isRecord(value) ? value.source : undefined;
  if (source === "file") return parseFile(value, reporter);
  if (source === "database") return parseDatabase(value, reporter);
  if (source === "synthetic") {
    const parsed = parseWith(syntheticSchema, value, ["data"], reporter);
    if (parsed === undefined) return undefined;
    const { generator, parameters, seed, rows } = parsed;
    return {
      source,
      generator,
      ...(parameters === undefined ? {} : { parameters }),
      seed,
      rows,
      testFraction: parsed.test_fraction,
    };
  }
  if (!isRecord(value)) {
    const what = "must be a mapping (key: value)";
    reporter.report(["data"], value === undefined ? `is missing; ${what}` : `${what}, not ${shown(value)}`);
  } else {
    parseWith(z.looseObject({ source: z.enum(SOURCES) }), value, ["data"], reporter);
  }
  return undefined;
}

function parseFile(value: unknown, reporter: Reporter): FileSource | undefined {
  const parsed = parseWith(fileSchema, value, ["data"], reporter);
  if (parsed === undefined) return undefined;
  const { source, path, format, key } = parsed;
  return {
    source,
    path,
    ...(format === undefined ? {} : { format }),
    ...(key === undefined ? {} : { key }),
    ...rowsOf(parsed, reporter),
  };
}

function parseDatabase(value: unknown, reporter: Reporter): DatabaseSource | undefined {
  const parsed = parseWith(databaseSchema, value, ["data"], reporter);
  if (parsed === undefined) return undefined;
  const before = reporter.problems.length;
  const { source, url_env: env, url_file: file, table, query, key } = parsed;
  // Not by the schema, whose messages show the value.
  if (env !== undefined && !/^[A-Za-z_]\w*$/.test(env)) {
    const what = "must be the name of an environment variable, which has the URL";
    reporter.report(["data", "url_env"], `${what}: credentials do not belong in this file`);
  }
  if (file !== undefined && /^\w+:\/\//.test(file)) {
    const what = "must be the path of a file, which has the URL";
    reporter.report(["data", "url_file"], `${what}: credentials do not belong in this file`);
  }
  if (env !== undefined && file !== undefined) {
    reporter.report(["data", "url_file"], "url_env already says where the URL is; remove one of them");
  } else if (env === undefined && file === undefined) {
    reporter.report(["data"], "needs url_env, the environment variable with the URL of the database, or url_file");
  }
  if (table !== undefined && query !== undefined) {
    reporter.report(["data", "query"], "table already says which rows are read; remove one of them");
  } else if (table === undefined && query === undefined) {
    reporter.report(["data"], "needs a table or a query");
  }
  const url = env === undefined ? { file: file ?? "" } : { env };
  const rows = rowsOf(parsed, reporter);
  if (reporter.problems.length > before) return undefined;
  return { source, url, ...(table === undefined ? {} : { table }), key, ...rows };
}

/** What all stored rows have in common. */
function rowsOf(parsed: z.output<z.ZodObject<typeof rowsShape>>, reporter: Reporter) {
  const { query, group } = parsed;
  if (Array.isArray(group)) reportRepeats(group, ["data", "group"], reporter);
  return {
    ...(query === undefined ? {} : { query }),
    ...(group === undefined ? {} : { group: typeof group === "string" ? [group] : group }),
    testFraction: parsed.test_fraction,
    maxBadFraction: parsed.max_bad_fraction,
    ...(parsed.expose_keys && { exposeKeys: true as const }),
  };
}
