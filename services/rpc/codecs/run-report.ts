import { z } from "zod";
import { UncoupleError } from "../../common/errors.ts";
import {
  fitSummarySchema,
  lossCurveSchema,
  trainingSettingsSchema,
} from "../../pipeline/documents/run-report-schema.ts";
import type { RunReport } from "../../pipeline/run-report.ts";
import type { RunReport__Output, RunReport as RunReportMessage } from "../gen/uncouple/v1/RunReport.ts";
import { required } from "./fields.ts";
import { decodeRun, encodeRun } from "./run.ts";
import { decodeStruct, encodeStruct } from "./struct.ts";

const reportSchema = z.looseObject({
  settings: trainingSettingsSchema,
  curve: lossCurveSchema.nullable(),
  fit: fitSummarySchema.nullable(),
});

export function encodeRunReport({ run, ...report }: RunReport): RunReportMessage {
  return { run: encodeRun(run), report: encodeStruct(report) };
}

/** @throws UncoupleError `data-loss` */
export function decodeRunReport(message: RunReport__Output): RunReport {
  const run = decodeRun(required(message.run, "run", "data-loss"));
  const parsed = reportSchema.safeParse(decodeStruct(required(message.report, "report", "data-loss")));
  if (parsed.success) return { run, ...parsed.data };
  throw new UncoupleError("data-loss", `the report of run ${run.id} cannot be read: ${z.prettifyError(parsed.error)}`);
}
