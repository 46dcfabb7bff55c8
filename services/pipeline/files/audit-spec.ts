import * as z from "zod";
import { MIN_HELD_OUT } from "../generation.ts";
import type { AuditSpec } from "../pipeline.ts";
import { columnSchema, parseWith, strict } from "./schema.ts";
import { type Reporter, reportRepeats } from "./yaml-file.ts";

const MAX_ROWS = 2_000_000_000;

const auditSchema = strict({
  rows: z.int().min(1).max(MAX_ROWS).optional(),
  columns: z.array(columnSchema).min(1).optional(),
  held_out: z.int().min(MIN_HELD_OUT).max(MAX_ROWS).optional(),
});

/** Parses the pipeline file's `audit`. @returns undefined if it is malformed, after reporting why */
export function parseAudit(value: unknown, reporter: Reporter): AuditSpec | undefined {
  const parsed = parseWith(auditSchema, value, ["audit"], reporter);
  if (parsed === undefined) return undefined;
  const { rows, columns, held_out: heldOut } = parsed;
  if (columns !== undefined) reportRepeats(columns, ["audit", "columns"], reporter);
  if (rows === undefined && columns === undefined && heldOut === undefined) {
    reporter.report(["audit"], "must have rows and columns, or held_out, or all three");
  } else if (rows === undefined && columns !== undefined) {
    reporter.report(["audit", "rows"], "is missing; columns are annotated in that many training rows");
  } else if (rows !== undefined && columns === undefined) {
    reporter.report(["audit", "columns"], "is missing; it lists what is annotated in the training rows");
  }
  return {
    ...(rows !== undefined && columns !== undefined && { rows, columns }),
    ...(heldOut !== undefined && { heldOut }),
  };
}
