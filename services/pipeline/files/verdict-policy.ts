import * as z from "zod";
import { lossLimitOf, parsePercent } from "../percent.ts";
import type { DataSourceSpec, VerdictPolicy } from "../pipeline.ts";
import { columnSchema, parseWith, strict } from "./schema.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

const verdictSchema = strict({
  minimum_effect: z
    .custom<string | 0>((value) => value === 0 || (typeof value === "string" && parsePercent(value) !== undefined), {
      error: "must be a percentage of the current loss, such as 0.5 %",
    })
    .default(0),
  loss_limit: z
    .custom<string | number>((value) => ["string", "number"].includes(typeof value) && lossLimitOf(String(value)), {
      error: "must be a loss, or a percentage between 50 % and 100 %, such as 99 %",
    })
    .optional(),
  horizon: z.int().min(1).max(1_000_000).optional(),
});

/** Parses the pipeline file's `verdict`. @returns undefined after reporting every problem */
export function parseVerdictPolicy(value: unknown, reporter: Reporter): VerdictPolicy | undefined {
  const parsed = parseWith(verdictSchema, value, ["verdict"], reporter);
  if (parsed === undefined) return undefined;
  const { minimum_effect, loss_limit, horizon } = parsed;
  const lossLimit = loss_limit === undefined ? undefined : lossLimitOf(String(loss_limit));
  const minimumEffect = parsePercent(String(minimum_effect)) ?? 0;
  return {
    minimumEffect,
    ...(lossLimit !== undefined && { lossLimit }),
    ...(horizon !== undefined && { horizon }),
  };
}

/** Parses the pipeline file's `slices`. @returns undefined if it is no list of columns, after reporting why */
export function parseSlices(
  value: unknown,
  data: DataSourceSpec | undefined,
  reporter: Reporter,
): readonly string[] | undefined {
  const slices = parseWith(z.array(columnSchema).min(1), value, ["slices"], reporter);
  if (slices === undefined) return undefined;
  reportRepeats(slices, ["slices"], reporter);
  if (data?.source === "synthetic") reporter.report(["slices"], "slices need data from a file");
  return slices;
}
