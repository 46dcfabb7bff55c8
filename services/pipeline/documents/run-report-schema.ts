import { z } from "zod";
import type { FitSummary, LossCurve, TrainingSettings } from "../run-report.ts";

const count = z.int().nonnegative();

export const lossCurveSchema: z.ZodType<LossCurve> = z.looseObject({
  every: z.int().positive(),
  window: z.int().positive(),
  points: z.array(z.looseObject({ step: count, loss: z.number(), learningRate: z.number() })),
});

const outputFit = z.looseObject({
  name: z.string(),
  groups: z.array(z.looseObject({ rows: count, predicted: z.number(), actual: z.number() })),
  calibrationError: z.number(),
  residuals: z
    .looseObject({
      mean: z.number(),
      standardDeviation: z.number(),
      quantiles: z.array(z.number()),
      edges: z.array(z.number()),
      shares: z.array(z.number()),
    })
    .exactOptional(),
});

export const fitSummarySchema: z.ZodType<FitSummary> = z.looseObject({
  rows: count,
  loss: z.number(),
  outputs: z.array(outputFit),
  slices: z.array(
    z.looseObject({
      column: z.string(),
      value: z.string(),
      rows: count,
      loss: z.number(),
      standardError: z.number(),
    }),
  ),
  worst: z.array(z.looseObject({ row: z.string(), loss: z.number(), predicted: z.string(), actual: z.string() })),
});

export const trainingSettingsSchema: z.ZodType<TrainingSettings> = z.looseObject({
  optimizer: z.looseObject({ name: z.string(), learningRate: z.number() }),
  schedule: z.looseObject({ warmup: count, decay: z.enum(["constant", "cosine"]) }),
  batch: count,
  steps: count,
  stopAfter: count.exactOptional(),
  seed: z.number(),
  sample: z.looseObject({}).exactOptional(),
});
