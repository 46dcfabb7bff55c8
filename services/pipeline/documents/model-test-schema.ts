import { z } from "zod";
import type { JudgedTest, ModelTest, SliceCondition, TestResult, TrainedTest } from "../model-test.ts";

const name = z.string().min(1);
const base = { name, onFailure: z.enum(["warn", "refuse"]), rows: z.int().min(1) };
const rowBase = {
  ...base,
  allowed: z.number().min(0).lt(1),
  tolerance: z.number().min(0).exactOptional(),
  output: z.union([z.string(), z.int().min(0)]).exactOptional(),
};
const direction = z.enum(["increasing", "decreasing"]);
const change = z.strictObject({
  set: z.record(z.string(), z.union([z.number(), z.string()])).exactOptional(),
  scale: z.record(z.string(), z.number()).exactOptional(),
  swap: z.tuple([z.string(), z.string()]).exactOptional(),
  map: z.record(z.string(), z.record(z.string(), z.string())).exactOptional(),
});
const bounds = { low: z.number().exactOptional(), high: z.number().exactOptional() };
const condition: z.ZodType<SliceCondition> = z.union([z.string(), z.number(), z.strictObject(bounds)]);

const { tolerance: _, ...agreementBase } = rowBase;

const modelTest: z.ZodType<ModelTest> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("monotone"), ...rowBase, column: name, direction }),
  z.strictObject({ kind: z.literal("invariant"), ...rowBase, change }),
  z.strictObject({ kind: z.literal("directional"), ...rowBase, change, direction }),
  z.strictObject({ kind: z.literal("bounded"), ...rowBase, ...bounds }),
  z.strictObject({
    kind: z.literal("slice"),
    ...base,
    where: z.record(z.string(), condition),
    lossAtMost: z.number().exactOptional(),
    lossRelativeToAll: z.number().gt(0).exactOptional(),
  }),
  z.strictObject({ kind: z.literal("agreement"), ...agreementBase, within: z.number().gt(0).exactOptional() }),
]);

/** Reads a test of a manifest. @returns undefined for one that this version cannot run as it is meant */
export function readModelTest(spec: unknown): ModelTest | undefined {
  return modelTest.safeParse(spec).data;
}

const result = {
  name,
  kind: name,
  onFailure: name,
  rows: z.int().min(0),
  violations: z.int().min(0),
  worst: z.number().nullable(),
  passed: z.boolean(),
  skipped: z.string().exactOptional(),
  examples: z.array(z.string()).exactOptional(),
} satisfies { readonly [K in keyof TestResult]-?: z.ZodType };

/** Loose, like all that is stored: newer versions add fields, which are kept. */
export const trainedTestSchema: z.ZodType<TrainedTest> = z.looseObject({
  ...result,
  spec: z.record(z.string(), z.unknown()),
});

export const judgedTestSchema: z.ZodType<JudgedTest> = z.looseObject({
  ...result,
  component: name,
  scope: name,
  failedBefore: z.boolean().exactOptional(),
});
