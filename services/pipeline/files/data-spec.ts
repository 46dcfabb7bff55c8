import * as z from "zod";
import type { DatabaseSource, DataSourceSpec, FileSource, StoredSource } from "../pipeline.ts";
import { databasePlace, databaseRows, filePlace, parseRowPlace } from "./row-place.ts";
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
  group: z.union([columnSchema, z.array(columnSchema).min(1).max(2)]).optional(),
  test_fraction: fraction.default(0.2),
  max_bad_fraction: z.number().min(0).max(1).default(0.01),
  expose_keys: z.boolean().default(false),
  held_out: z.unknown().optional(),
};

const fileSchema = strict({
  source: z.literal("file"),
  ...filePlace,
  key: columnSchema.optional(),
  ...rowsShape,
});

const databaseSchema = strict({
  source: z.literal("database"),
  ...databasePlace,
  key: columnSchema,
  ...rowsShape,
});

const SOURCES = ["synthetic", "file", "database"] as const;

/** Parses the pipeline file's `data`. @returns undefined after reporting every problem */
export function parseData(value: unknown, reporter: Reporter): DataSourceSpec | undefined {
  const source = isRecord(value) ? value.source : undefined;
  if (source === "file") return withHeldOut(parseFile(value, reporter), value, reporter);
  if (source === "database") return withHeldOut(parseDatabase(value, reporter), value, reporter);
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
  const { source, path, format, query, key } = parsed;
  return {
    source,
    path,
    ...(format === undefined ? {} : { format }),
    ...(query === undefined ? {} : { query }),
    ...(key === undefined ? {} : { key }),
    ...rowsOf(parsed, reporter),
  };
}

function parseDatabase(value: unknown, reporter: Reporter): DatabaseSource | undefined {
  const parsed = parseWith(databaseSchema, value, ["data"], reporter);
  if (parsed === undefined) return undefined;
  const before = reporter.problems.length;
  const place = databaseRows(parsed, undefined, ["data"], reporter);
  const rows = rowsOf(parsed, reporter);
  if (reporter.problems.length > before) return undefined;
  return { ...place, key: parsed.key, ...rows };
}

/** `held_out` names another place of held-out rows, so that all rows here are training rows. */
function withHeldOut(data: StoredSource | undefined, value: unknown, reporter: Reporter): StoredSource | undefined {
  if (!isRecord(value) || value.held_out === undefined) return data;
  if (value.test_fraction !== undefined) {
    reporter.report(["data", "test_fraction"], "data.held_out says which rows are held out; remove one of them");
  }
  const place = parseRowPlace(value.held_out, data, ["data", "held_out"], reporter);
  if (data === undefined || place === undefined) return undefined;
  const { testFraction: _, time: __, ...rows } = data;
  return { ...rows, heldOut: place };
}

/** What all stored rows have in common. */
function rowsOf(parsed: z.output<z.ZodObject<typeof rowsShape>>, reporter: Reporter) {
  const { group } = parsed;
  if (Array.isArray(group)) reportRepeats(group, ["data", "group"], reporter);
  return {
    ...(group === undefined ? {} : { group: typeof group === "string" ? [group] : group }),
    testFraction: parsed.test_fraction,
    maxBadFraction: parsed.max_bad_fraction,
    ...(parsed.expose_keys && { exposeKeys: true as const }),
  };
}
