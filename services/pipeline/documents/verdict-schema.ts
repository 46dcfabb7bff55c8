import { z } from "zod";
import type { InterfaceShift } from "../interface-shift.ts";
import {
  CONFIDENCE_LEVEL,
  type ConsistencyGap,
  type ObjectiveDifference,
  PAIRED_BOOTSTRAP,
  type PairedComparison,
  type Quarantine,
  type SliceDifference,
  type Verdict,
} from "../verdict.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { judgedTestSchema } from "./model-test-schema.ts";
import { originSchema, serialSchema, serialsSchema, uint32Schema } from "./provenance-schema.ts";

const name = z.string().min(1);
const interval = z.tuple([z.number(), z.number()]).readonly();

const difference = {
  kind: name,
  reason: name.exactOptional(),
  difference: z.number(),
  relative: z.number().nullable(),
  interval,
};

const level = z.number().gt(0).lt(1);

const slice: z.ZodType<SliceDifference> = z.looseObject({
  column: name,
  value: z.string(),
  rows: uint32Schema,
  ...difference,
  level: level.exactOptional(),
});

const flips = z.looseObject({ count: z.number(), rate: z.number(), interval });

const objective: z.ZodType<ObjectiveDifference> = z.looseObject({
  component: name,
  weight: z.number().positive(),
  currentLoss: z.number(),
  candidateLoss: z.number(),
  ...difference,
  level,
  negativeFlips: flips.exactOptional(),
});

const comparison: z.ZodType<PairedComparison> = z.looseObject({
  current: serialsSchema,
  candidate: serialsSchema,
  currentLoss: z.number(),
  candidateLoss: z.number(),
  difference: z.number(),
  interval,
  kind: name,
  reason: name.exactOptional(),
  method: name.exactOptional(),
  level: level.exactOptional(),
  bound: z.number().exactOptional(),
  skewness: z.number().exactOptional(),
  detectable: z.number().exactOptional(),
  rowsNeeded: z.number().nullable().exactOptional(),
  harm: z.looseObject({ harm: z.number(), gain: z.number(), worst: z.number() }).exactOptional(),
  negativeFlips: flips.exactOptional(),
  objectives: z.array(objective).exactOptional(),
  slices: z.array(slice).exactOptional(),
  worstSlice: slice.exactOptional(),
});

const interfaceShift: z.ZodType<InterfaceShift> = z.looseObject({
  shift: z.number(),
  outside: z.looseObject({ current: z.number(), candidate: z.number() }),
  coordinates: z.array(z.looseObject({ index: uint32Schema, shift: z.number(), outside: z.number() })),
  adapter: z
    .looseObject({ loss: z.number(), difference: z.number(), interval, recovered: z.number(), explains: name })
    .exactOptional(),
  adapterSkipped: name.exactOptional(),
});
const gap: z.ZodType<ConsistencyGap> = z.looseObject({
  upstream: name,
  downstream: name,
  kind: name,
  reason: name.exactOptional(),
  currentLoss: z.number(),
  gap: z.number(),
  relative: z.number().nullable(),
  interval,
  labels: z.literal(true).exactOptional(),
});

const version2: z.ZodType<Verdict> = z.looseObject({
  version: z.literal(2),
  pipeline: name,
  component: name,
  serial: serialSchema,
  kind: name,
  reason: name.exactOptional(),
  componentLoss: z.looseObject({ current: z.number().nullable(), candidate: z.number().nullable() }),
  componentInterval: interval.nullable(),
  comparison: comparison.nullable(),
  alternatives: z.array(comparison),
  interfaceShift: interfaceShift.exactOptional(),
  consistency: z
    .looseObject({ rows: uint32Schema, current: z.array(gap).exactOptional(), candidate: z.array(gap) })
    .exactOptional(),
  tests: z.array(judgedTestSchema).exactOptional(),
  method: name,
  level,
  rows: uint32Schema,
  groups: uint32Schema.exactOptional(),
  heldOut: z
    .looseObject({
      fingerprint: name,
      generation: uint32Schema.min(1),
      question: uint32Schema.min(1).exactOptional(),
      horizon: uint32Schema.min(1).exactOptional(),
    })
    .exactOptional(),
  release: serialSchema.exactOptional(),
  origin: originSchema.exactOptional(),
  pipelineDigest: z.string().nullable(),
  evaluator: z.string(),
  seconds: z.number(),
  judgedAt: z.string(),
});

/** Version 1 did not say how it was computed: there was one way. */
const version1 = z
  .looseObject({ version: z.literal(1) })
  .transform((document): unknown => ({
    ...document,
    version: 2,
    method: PAIRED_BOOTSTRAP,
    level: CONFIDENCE_LEVEL,
    pipelineDigest: null,
  }))
  .pipe(version2);

const quarantine: z.ZodType<Quarantine> = z.looseObject({
  version: z.literal(1),
  pipeline: name,
  component: name,
  serial: serialSchema,
  reason: name,
  detail: z.string(),
  evaluator: z.string(),
  judgedAt: z.string(),
});

/**
 * Parses a verdict of version 1 or 2.
 * @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field
 */
export function parseVerdict(document: unknown): Verdict {
  const version = formatVersion("verdict", document, 2);
  return parseDocument(version === 1 ? version1 : version2, "verdict", document);
}

/** Parses a quarantine. @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field */
export function parseQuarantine(document: unknown): Quarantine {
  formatVersion("quarantine", document, 1);
  return parseDocument(quarantine, "quarantine", document);
}
