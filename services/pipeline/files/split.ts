import * as z from "zod";
import { DURATION, parseDuration } from "../duration.ts";
import { parsePercent } from "../percent.ts";
import type { DataSourceSpec, Pipeline, TimeSplit } from "../pipeline.ts";
import { columnSchema, isRecord, parseWith, strict } from "./schema.ts";
import type { Reporter } from "./yaml-file.ts";

const splitSchema = strict({
  by: z.enum(["hash", "time"]).default("hash"),
  column: columnSchema.optional(),
  held_out: z
    .string()
    .refine((text) => shareOf(text) !== undefined || (parseDuration(text) ?? 0) > 0, {
      error: "must be a percentage of the rows, such as 20 %, or with `by: time` a duration such as 14d",
    })
    .optional(),
  gap: z.string().regex(DURATION, { error: "must be a duration like 12h or 1d" }).optional(),
});

/**
 * Parses the pipeline file's `split` into the data that it splits. Without one, `data.test_fraction` of the rows are held
 * out by hash.
 * @param file the content of the pipeline file
 * @returns undefined after reporting every problem
 */
export function parseSplit(
  data: DataSourceSpec | undefined,
  file: Readonly<Record<string, unknown>>,
  reporter: Reporter,
): DataSourceSpec | undefined {
  if (file.split === undefined) return data;
  if (isRecord(file.data) && file.data.held_out !== undefined) {
    reporter.report(["split"], "data.held_out says which rows are held out; remove one of them");
    return undefined;
  }
  const before = reporter.problems.length;
  const parsed = parseWith(splitSchema, file.split, ["split"], reporter);
  if (isRecord(file.data) && file.data.test_fraction !== undefined) {
    reporter.report(["data", "test_fraction"], "split.held_out replaces it; remove one of them");
  }
  if (parsed === undefined || data === undefined) return undefined;
  const { by, column, held_out = by === "hash" ? "20 %" : undefined, gap = "0s" } = parsed;
  const fraction = held_out === undefined ? undefined : shareOf(held_out);
  if (by === "hash") {
    for (const key of ["column", "gap"] as const) {
      if (parsed[key] !== undefined) reporter.report(["split", key], "needs `by: time`");
    }
    if (fraction === undefined) reporter.report(["split", "held_out"], "a duration needs `by: time`");
    if (reporter.problems.length > before || fraction === undefined) return undefined;
    if (data.source === "synthetic") return { ...data, testFraction: fraction };
    const { time: _, testFraction: __, heldOut: ___, ...rows } = data;
    return { ...rows, testFraction: fraction };
  }
  if (data.source === "synthetic") {
    reporter.report(["split", "by"], "a split by time needs data from files or a database");
    return undefined;
  }
  if (column === undefined) reporter.report(["split", "column"], "is missing; must be the column with each row's time");
  if (held_out === undefined) reporter.report(["split", "held_out"], "is missing; must be a duration such as 14d");
  if (column === undefined || held_out === undefined || reporter.problems.length > before) return undefined;
  const { time: _, testFraction: __, heldOut: ___, ...rows } = data;
  const heldOut = fraction === undefined ? { seconds: parseDuration(held_out) as number } : { fraction };
  const time: TimeSplit = { column, heldOut, gapSeconds: parseDuration(gap) as number };
  return { ...rows, time };
}

/** A warning, if rows that belong together can be on both sides of the split. */
export function crossingGroups({ data }: Pick<Pipeline, "data">): string | undefined {
  if (data.source === "synthetic" || data.time === undefined || data.group === undefined) return undefined;
  const groups = data.group.join(" and ");
  return `split by time: rows of one ${groups} can be on both sides, so verdicts are about a known ${groups}; to judge on new ones, split by hash`;
}

/** A percentage greater than 0 and less than 100 as a fraction; undefined for anything else. */
function shareOf(text: string): number | undefined {
  const fraction = parsePercent(text);
  return fraction !== undefined && fraction > 0 && fraction < 1 ? fraction : undefined;
}
