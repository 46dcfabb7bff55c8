import { z } from "zod";
import { fitSummarySchema, lossCurveSchema } from "../../pipeline/documents/run-report-schema.ts";
import type { FitSummary, LossCurve } from "../../pipeline/run-report.ts";

/** What reports say about a run, beside its record: `report.json`. Nothing else depends on it. */
export interface StoredReport {
  readonly version: 1;
  /** Up to a checkpoint at least as new as those on disk. */
  readonly curve: LossCurve;
  /** Absent before the end of the training, and if it could not be measured. */
  readonly fit?: FitSummary;
}

const storedReportSchema: z.ZodType<StoredReport> = z.looseObject({
  version: z.literal(1),
  curve: lossCurveSchema,
  fit: fitSummarySchema.exactOptional(),
});

/** Parses `report.json`; undefined if it is not of this version. */
export function parseStoredReport(text: string): StoredReport | undefined {
  try {
    return storedReportSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
