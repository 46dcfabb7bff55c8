import { z } from "zod";
import type { ColumnProfile } from "../column-profile.ts";
import type { Provenance } from "../manifest.ts";
import type { DrawnSample } from "../sample.ts";
import type { SnapshotOrigin } from "../shared.ts";
import { trainedTestSchema } from "./model-test-schema.ts";

const name = z.string().min(1);
const count = z.int().min(0);

const LARGEST = 0xffff_ffff;
/** The numbers of a document that are uint32 in gRPC. */
export const uint32Schema = z.int().min(0).max(LARGEST);
export const serialSchema = uint32Schema.min(1);

/** A snapshot of another pipeline. */
export const originSchema: z.ZodType<SnapshotOrigin> = z.looseObject({
  pipeline: name,
  component: name,
  serial: serialSchema,
});

type Serials = Readonly<Record<string, number>>;
const serials = z.record(name, serialSchema);

/**
 * Component to serial. A verdict of a pipeline of 100 components has hundreds of them, and a starting process reads all
 * verdicts: valid ones are recognized by hand, four times as fast. The schema says what is wrong with the others.
 */
export const serialsSchema: z.ZodType<Serials> = z.custom<Serials>().superRefine((value, context) => {
  if (areSerials(value)) return;
  for (const issue of serials.safeParse(value).error?.issues ?? []) {
    context.addIssue({ code: "custom", message: issue.message, path: [...issue.path] });
  }
});

function areSerials(value: unknown): value is Serials {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const [key, serial] of Object.entries(value)) {
    if (key === "" || !Number.isInteger(serial) || serial < 1 || serial > LARGEST) return false;
  }
  return true;
}

const columnProfile: z.ZodType<ColumnProfile> = z.looseObject({
  name,
  coordinates: z.array(
    z.looseObject({
      edges: z.array(z.number()).exactOptional(),
      range: z.tuple([z.number(), z.number()]).exactOptional(),
      values: z.array(z.string()).exactOptional(),
      shares: z.array(z.number()),
    }),
  ),
});

const drawnSample: z.ZodType<DrawnSample> = z.looseObject({
  spec: z.looseObject({
    distinct: z.literal(true).exactOptional(),
    nearDuplicates: z.looseObject({ columns: z.array(name), distance: z.number() }).exactOptional(),
    atMost: z.looseObject({ column: name, rows: count }).exactOptional(),
    rows: count.exactOptional(),
    stratified: name.exactOptional(),
  }),
  before: count,
  removed: z.looseObject({
    distinct: count.exactOptional(),
    nearDuplicates: count.exactOptional(),
    atMost: count.exactOptional(),
    rows: count.exactOptional(),
  }),
});

/** Objects are loose: newer versions add fields to them, which are kept. */
const known: { readonly [K in Exclude<keyof Provenance, "misfits">]-?: z.ZodType<NonNullable<Provenance[K]>> } = {
  model: z.string(),
  opset: z.int().min(1),
  protocol: z.looseObject({ name, parameters: z.record(z.string(), z.union([z.number(), z.string()])) }),
  optimizer: z.looseObject({ name, learningRate: z.number().exactOptional() }),
  schedule: z.looseObject({ warmup: count, decay: z.string() }),
  batch: count,
  steps: count,
  stopAfter: count,
  seed: z.int(),
  upstream: serialsSchema,
  counterfactual: z.string(),
  data: z.looseObject({
    fingerprint: z.string(),
    rows: count,
    until: z.string().exactOptional(),
    sample: drawnSample.exactOptional(),
    columns: z.array(columnProfile).exactOptional(),
  }),
  trainingLoss: z.number(),
  engine: z.string(),
  numerics: z.string(),
  workers: z.looseObject({
    slots: z.int().min(1),
    syncEvery: z.int().min(1),
    audit: z.number(),
    numerics: z.enum(["exact", "tolerant"]),
  }),
  groups: z.looseObject({ column: z.string(), count }),
  producer: z.looseObject({ name, version: z.string().exactOptional() }),
  gating: z.looseObject({ sets: z.boolean(), cotrain: z.boolean() }),
  tests: z.array(trainedTestSchema),
  candidateRun: z.string(),
  tuning: z.looseObject({ study: z.string(), trial: z.int().min(1) }),
  origin: originSchema,
  codeVersion: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
};

/** Provenance as this version writes it; rejects known fields with a value of another shape. */
export const writtenProvenance = z.looseObject(
  Object.fromEntries(Object.entries(known).map(([key, schema]) => [key, schema.exactOptional()])),
) as z.ZodType<Provenance>;

/**
 * Provenance as any version may have written it. Unknown fields stay as they are. A known field of another shape moves
 * to `misfits`: it cannot be used, and is neither lost nor a reason to reject the snapshot.
 */
export const readProvenance: z.ZodType<Provenance> = z.record(z.string(), z.unknown()).transform((document) => {
  const misfits = Object.entries(known).filter(
    ([key, schema]) => document[key] !== undefined && !schema.safeParse(document[key]).success,
  );
  if (misfits.length === 0) return document;
  const rest = { ...document };
  for (const [key] of misfits) delete rest[key];
  const earlier = typeof document.misfits === "object" ? document.misfits : {};
  return { ...rest, misfits: { ...earlier, ...Object.fromEntries(misfits.map(([key]) => [key, document[key]])) } };
});
