import { z } from "zod";
import { UncoupleError } from "../../common/errors.ts";
import { digestOf } from "../pipeline-content.ts";
import type { PipelineVersion } from "../pipeline-version.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { digestSchema } from "./manifest-schema.ts";

const version1: z.ZodType<PipelineVersion> = z.looseObject({
  version: z.literal(1),
  pipeline: z.string().min(1),
  digest: digestSchema,
  previous: digestSchema.nullable(),
  content: z.record(z.string(), z.unknown()),
  by: z.string(),
  at: z.string(),
});

/**
 * Parses an applied pipeline file.
 * @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field, or if the digest is not the content's
 */
export function parsePipelineVersion(document: unknown): PipelineVersion {
  formatVersion("pipeline version", document, 1);
  const parsed = parseDocument(version1, "pipeline version", document);
  const digest = digestOf(parsed.content);
  if (digest === parsed.digest) return parsed;
  throw new UncoupleError("data-loss", `its content has the digest ${digest}, not ${parsed.digest}`);
}
