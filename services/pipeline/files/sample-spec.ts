import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import type { Component, Pipeline } from "../pipeline.ts";
import type { RowSample } from "../sample.ts";
import { visibleColumns } from "../visible-columns.ts";
import type { DataColumn } from "./data-column.ts";
import { columnSchema, isRecord, parseWith, strict } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

const count = z.int().min(1).max(1_000_000_000);
const sampleSchema = strict({
  rows: count.optional(),
  by: z.unknown().optional(),
  distinct: z.boolean().default(false),
  at_most: strict({ column: columnSchema, rows: count }).optional(),
  near_duplicates: strict({
    columns: z.array(columnSchema).min(1).max(8),
    distance: z.number().min(0).max(1e12),
  }).optional(),
});
const strataSchema = strict({ stratified: columnSchema });
const PATH: Path = ["sample"];

/**
 * Parses `sample` of a team file:
 *
 * ```yaml
 * sample:
 *   distinct: true                                      # equal rows count once
 *   near_duplicates: { columns: [title], distance: 2 }  # so do rows that nearly agree in these columns
 *   at_most: { column: user_id, rows: 20 }              # for each value of the column
 *   rows: 100000                                        # at most, after all of this
 *   by: key                                             # or: { stratified: country }
 * ```
 */
export function parseSample(value: unknown, reporter: Reporter): RowSample | undefined {
  const parsed = parseWith(sampleSchema, value, PATH, reporter);
  if (parsed === undefined) return undefined;
  const { rows, by, distinct, at_most, near_duplicates } = parsed;
  const stratified = parseBy(by, reporter);
  if (by !== undefined && rows === undefined) {
    reporter.report([...PATH, "by"], "says which rows to keep, so it needs rows, the number of them");
  }
  if (rows === undefined && !distinct && at_most === undefined && near_duplicates === undefined) {
    reporter.report(PATH, "must have at least one of rows, distinct, at_most, near_duplicates");
  }
  return {
    ...(distinct && { distinct }),
    ...(near_duplicates && { nearDuplicates: near_duplicates }),
    ...(at_most && { atMost: at_most }),
    ...(rows !== undefined && { rows }),
    ...(stratified !== undefined && { stratified }),
  };
}

function parseBy(value: unknown, reporter: Reporter): string | undefined {
  if (value === undefined || value === "key") return undefined;
  if (isRecord(value)) {
    return parseWith(strataSchema, value, [...PATH, "by"], reporter)?.stratified;
  }
  reporter.report(
    [...PATH, "by"],
    "must be key or { stratified: COLUMN }; distinct, at_most and near_duplicates are keys of sample",
  );
  return undefined;
}

/**
 * Checks a sample against the pipeline. It may name the columns that the team sees, and those that the pipeline file names for
 * all teams: the key, the groups, the time of the split, and slices.
 * @param schema of the data; undefined: kinds of columns are not checked
 */
export function checkSample(
  sample: RowSample,
  pipeline: Pipeline,
  component: Component,
  schema: readonly DataColumn[] | undefined,
  reporter: Reporter,
): void {
  const { data } = pipeline;
  if (data.source === "synthetic") {
    reporter.report(PATH, "is for stored rows; of generated rows, set data.rows in the pipeline file");
    return;
  }
  const visible = visibleColumns(pipeline, component.name);
  const shared = [...(data.key === undefined ? [] : [data.key]), ...(data.group ?? []), ...(pipeline.slices ?? [])];
  const time = data.time === undefined ? [] : [data.time.column];
  const named = [...new Set([...visible, ...shared, ...time])];
  const check = (column: string, known: readonly string[], at: Path) => {
    if (known.includes(column)) return;
    reporter.report(
      [...PATH, ...at],
      `${component.name} may not use a column "${column}" for this; available: ${known.join(", ")}${didYouMean(column, known)}`,
    );
  };
  if (sample.atMost !== undefined) check(sample.atMost.column, named, ["at_most", "column"]);
  if (sample.stratified !== undefined) check(sample.stratified, named, ["by", "stratified"]);
  sample.nearDuplicates?.columns.forEach((column, index) => {
    const at = ["near_duplicates", "columns", index];
    check(column, visible, at);
    if ((schema?.find(({ name }) => name === column)?.width ?? 1) > 1) {
      reporter.report([...PATH, ...at], `"${column}" must have one number or one text per row`);
    }
  });
}
