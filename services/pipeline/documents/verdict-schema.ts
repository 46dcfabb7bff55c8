import { z } from "zod";
import {
  INCONCLUSIVE_REASONS,
  type PairedComparison,
  QUARANTINE_REASONS,
  type Quarantine,
  VERDICT_KINDS,
  type Verdict,
} from "../verdict.ts";
import { parseDocument } from "./document.ts";
import { serialsSchema } from "./manifest-schema.ts";

const name = z.string().min(1);
const serial = z.int().min(1);
const interval = z.tuple([z.number(), z.number()]).readonly();
const kind = z.enum(VERDICT_KINDS);

const comparison: z.ZodType<PairedComparison> = z.object({
  current: serialsSchema,
  candidate: serialsSchema,
  currentLoss: z.number(),
  candidateLoss: z.number(),
  difference: z.number(),
  interval,
  kind,
});

const verdict: z.ZodType<Verdict> = z.object({
  version: z.literal(1),
  pipeline: name,
  component: name,
  serial,
  kind,
  reason: z.enum(INCONCLUSIVE_REASONS).exactOptional(),
  componentLoss: z.object({ current: z.number().nullable(), candidate: z.number().nullable() }),
  componentInterval: interval.nullable(),
  comparison: comparison.nullable(),
  alternatives: z.array(comparison),
  rows: z.int().min(0),
  evaluator: z.string(),
  seconds: z.number(),
  judgedAt: z.string(),
});

const quarantine: z.ZodType<Quarantine> = z.object({
  version: z.literal(1),
  pipeline: name,
  component: name,
  serial,
  reason: z.enum(QUARANTINE_REASONS),
  detail: z.string(),
  evaluator: z.string(),
  judgedAt: z.string(),
});

/** Parses a verdict. @throws UncoupleError `data-loss` naming every invalid field */
export function parseVerdict(document: unknown): Verdict {
  return parseDocument(verdict, "verdict", document);
}

/** Parses a quarantine. @throws UncoupleError `data-loss` naming every invalid field */
export function parseQuarantine(document: unknown): Quarantine {
  return parseDocument(quarantine, "quarantine", document);
}
