import { z } from "zod";
import type { ModelContract, SnapshotDraft, SnapshotManifest, TensorSpec } from "../manifest.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { readProvenance, serialSchema, uint32Schema, writtenProvenance } from "./provenance-schema.ts";

const name = z.string().min(1);
/** SHA-256, lowercase hex. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hex digits");

const tensorFields = { name, kind: z.enum(["numeric", "categorical"]), width: uint32Schema.min(1) };
const tensor: z.ZodType<TensorSpec> = z.strictObject(tensorFields);
const contract: z.ZodType<ModelContract> = z.strictObject({ inputs: z.array(tensor), output: tensor });

const draftFields = { pipeline: name, component: name, runId: name, contract, pipelineDigest: digestSchema.nullable() };
const draft: z.ZodType<SnapshotDraft> = z.strictObject({ ...draftFields, provenance: writtenProvenance });

const assignedFields = {
  serial: serialSchema,
  parent: serialSchema.nullable(),
  digest: digestSchema,
  size: z.int().min(0),
};
const version2: z.ZodType<SnapshotManifest> = z.strictObject({
  ...draftFields,
  ...assignedFields,
  version: z.literal(2),
  publishedAt: z.string(),
  provenance: readProvenance,
});

/** Version 1 had all fields side by side, and other spellings of two. Its other fields are provenance. */
const version1 = z
  .looseObject({
    ...assignedFields,
    version: z.literal(1),
    pipeline: name,
    component: name,
    runId: name,
    inputs: z.array(z.object(tensorFields)),
    output: z.object(tensorFields),
    optimiser: z.unknown(),
    finishedAt: z.string(),
  })
  .transform((document): z.input<typeof version2> => {
    const { version: _1, pipeline, component, runId, ...rest } = document;
    const { serial, parent, digest, size, inputs, output, optimiser, ...provenance } = rest;
    const identity = { pipeline, component, runId, serial, parent, digest, size, publishedAt: rest.finishedAt };
    return {
      version: 2,
      ...identity,
      contract: { inputs, output },
      pipelineDigest: null,
      provenance: { ...provenance, optimizer: optimiser },
    };
  })
  .pipe(version2);

/**
 * Parses a manifest of version 1 or 2.
 * @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field
 */
export function parseManifest(document: unknown): SnapshotManifest {
  const version = formatVersion("manifest", document, 2);
  return parseDocument(version === 1 ? version1 : version2, "manifest", document);
}

/**
 * Parses a publisher's draft of a snapshot, before anything is stored.
 * @throws UncoupleError `invalid-argument` naming every invalid field
 */
export function parseDraft(document: unknown): SnapshotDraft {
  return parseDocument(draft, "snapshot draft", document, "invalid-argument");
}
