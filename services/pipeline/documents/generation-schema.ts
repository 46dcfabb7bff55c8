import { z } from "zod";
import type { HeldOutGeneration } from "../generation.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { digestSchema } from "./manifest-schema.ts";
import { serialSchema, serialsSchema, uint32Schema } from "./provenance-schema.ts";

const shareSchema = z.number().gt(0).lt(1);

const version1: z.ZodType<HeldOutGeneration> = z.looseObject({
  version: z.literal(1),
  pipeline: z.string().min(1),
  generation: serialSchema,
  fingerprint: digestSchema,
  rows: uint32Schema,
  split: z.tuple([shareSchema, shareSchema, shareSchema]).exactOptional(),
  heldOutAfter: z.iso.datetime().exactOptional(),
  salt: z.base64().min(1),
  current: serialsSchema,
  loss: z.number().nullable(),
  pipelineDigest: digestSchema,
  evaluator: z.string(),
  startedAt: z.string(),
});

/** @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field */
export function parseGeneration(document: unknown): HeldOutGeneration {
  formatVersion("generation of held-out rows", document, 1);
  return parseDocument(version1, "generation of held-out rows", document);
}
