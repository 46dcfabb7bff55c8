import { z } from "zod";
import type { Tombstone } from "../tombstone.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { serialSchema } from "./provenance-schema.ts";

const tombstone: z.ZodType<Tombstone> = z.looseObject({
  version: z.literal(1),
  pipeline: z.string().min(1),
  component: z.string().min(1),
  serial: serialSchema,
  policy: z.looseObject({ keep: z.int().min(1), champions: z.int().min(0) }),
  by: z.string(),
  deletedAt: z.string(),
});

/** Parses a tombstone. @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field */
export function parseTombstone(document: unknown): Tombstone {
  formatVersion("tombstone", document, 1);
  return parseDocument(tombstone, "tombstone", document);
}
