import * as z from "zod";
import type { DataSourceSpec } from "../pipeline.ts";
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

const fileSchema = strict({
  source: z.literal("file"),
  path: z.string().min(1),
  query: z.string().min(1).optional(),
  key: columnSchema.optional(),
  group: z.union([columnSchema, z.array(columnSchema).min(1).max(2)]).optional(),
  test_fraction: fraction.default(0.2),
  max_bad_fraction: z.number().min(0).max(1).default(0.01),
  expose_keys: z.boolean().default(false),
});

/** Parses the pipeline file's `data`. @returns undefined after reporting every problem */
export function parseData(value: unknown, reporter: Reporter): DataSourceSpec | undefined {
  const source = isRecord(value) ? value.source : undefined;
  if (source === "file") {
    const parsed = parseWith(fileSchema, value, ["data"], reporter);
    if (parsed === undefined) return undefined;
    const { path, query, key, group } = parsed;
    if (Array.isArray(group)) reportRepeats(group, ["data", "group"], reporter);
    return {
      source,
      path,
      ...(query === undefined ? {} : { query }),
      ...(key === undefined ? {} : { key }),
      ...(group === undefined ? {} : { group: typeof group === "string" ? [group] : group }),
      testFraction: parsed.test_fraction,
      maxBadFraction: parsed.max_bad_fraction,
      ...(parsed.expose_keys && { exposeKeys: true }),
    };
  }
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
    parseWith(z.looseObject({ source: z.enum(["synthetic", "file"]) }), value, ["data"], reporter);
  }
  return undefined;
}
