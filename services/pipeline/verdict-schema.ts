import { z } from "zod";
import { parseDocument } from "./document.ts";
import { serialsSchema } from "./manifest-schema.ts";
import type {
  InconclusiveReason,
  PairedComparison,
  Quarantine,
  QuarantineReason,
  Verdict,
  VerdictKind,
} from "./verdict.ts";

const name = z.string().min(1);
const serial = z.int().min(1);
const interval = z.tuple([z.number(), z.number()]).readonly();
const kind: z.ZodType<VerdictKind> = z.enum(["improved", "degraded", "inconclusive", "self-defeating"]);

/** Written as exhaustive maps, so that a new reason does not compile until it is known here. */
const inconclusiveReasons: Record<InconclusiveReason, true> = {
  "no-current-snapshot": true,
  "incomplete-pipeline": true,
  "not-finite": true,
};
const quarantineReasons: Record<QuarantineReason, true> = {
  "malformed-model": true,
  oversized: true,
  "digest-mismatch": true,
  "wrong-inputs": true,
  "wrong-output": true,
  "not-finite": true,
  "not-probabilities": true,
  "evaluation-failed": true,
};
const keysOf = <K extends string>(map: Record<K, true>) => Object.keys(map) as K[];

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
  reason: z.enum(keysOf(inconclusiveReasons)).exactOptional(),
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
  reason: z.enum(keysOf(quarantineReasons)),
  detail: z.string(),
  evaluator: z.string(),
  judgedAt: z.string(),
});

/** @throws UncoupleError `data-loss` naming every field that is wrong */
export function parseVerdict(document: unknown): Verdict {
  return parseDocument(verdict, "verdict", document);
}

/** @throws UncoupleError `data-loss` naming every field that is wrong */
export function parseQuarantine(document: unknown): Quarantine {
  return parseDocument(quarantine, "quarantine", document);
}
