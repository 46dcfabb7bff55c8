import { z } from "zod";
import type { SnapshotDraft, SnapshotManifest, TensorSpec } from "../manifest.ts";
import type { OptimizerSpec, ProtocolSpec, ScheduleSpec } from "../team.ts";
import { parseDocument } from "./document.ts";

const name = z.string().min(1);
const count = z.int().min(0);
const serial = z.int().min(1);

export const serialsSchema: z.ZodType<Readonly<Record<string, number>>> = z.record(name, serial);

const tensor: z.ZodType<TensorSpec> = z.object({
  name,
  kind: z.enum(["numeric", "categorical"]),
  width: z.int().min(1),
});

const protocol: z.ZodType<ProtocolSpec> = z.object({
  name,
  parameters: z.record(z.string(), z.union([z.number(), z.string()])),
});

const optimiser: z.ZodType<OptimizerSpec> = z.discriminatedUnion("name", [
  z.object({ name: z.literal("sgd"), learningRate: z.number() }),
  z.object({ name: z.literal("momentum"), learningRate: z.number(), momentum: z.number() }),
  z.object({
    name: z.literal("adam"),
    learningRate: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    epsilon: z.number(),
  }),
]);

const schedule: z.ZodType<ScheduleSpec> = z.object({ warmup: count, decay: z.enum(["constant", "cosine"]) });

const draftFields = {
  pipeline: name,
  component: name,
  runId: name,
  inputs: z.array(tensor),
  output: tensor,
  opset: z.int().min(1),
  model: z.string(),
  protocol,
  optimiser,
  schedule,
  batch: count,
  steps: count,
  seed: z.int(),
  upstream: serialsSchema,
  counterfactual: z.string().exactOptional(),
  data: z.object({ fingerprint: z.string(), rows: count }),
  trainingLoss: z.number(),
  engine: z.string(),
  codeVersion: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
};

const draft: z.ZodType<SnapshotDraft> = z.object(draftFields);

const manifest: z.ZodType<SnapshotManifest> = z.object({
  ...draftFields,
  version: z.literal(1),
  serial,
  parent: serial.nullable(),
  digest: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hex digits"),
  size: count,
});

/** Parses a snapshot manifest. @throws UncoupleError `data-loss` naming every invalid field */
export function parseManifest(document: unknown): SnapshotManifest {
  return parseDocument(manifest, "manifest", document);
}

/**
 * Parses a publisher's draft of a snapshot, before anything is stored.
 * @throws UncoupleError `invalid-argument` naming every invalid field
 */
export function parseDraft(document: unknown): SnapshotDraft {
  return parseDocument(draft, "snapshot draft", document, "invalid-argument");
}
