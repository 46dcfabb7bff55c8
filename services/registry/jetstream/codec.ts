import { z } from "zod";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { OptimiserSpec, ProtocolSpec, ScheduleSpec } from "../../pipeline/team.ts";
import type { PairedComparison, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import type { AliasChange } from "../registry.ts";

/**
 * What stands in the streams, checked as far as a reader depends on it. Fields that a later version adds pass through:
 * a log is read by services of several versions.
 */
const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/);
const serial = z.int().min(1);
const serials = z.record(z.string(), serial);
const object = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null, "an object is missing");
const named = <T>() =>
  z.custom<T>(
    (value) => typeof value === "object" && value !== null && "name" in value && typeof value.name === "string",
    "an object with a name is missing",
  );
const tensor = z.looseObject({
  name: z.string(),
  kind: z.enum(["numeric", "categorical"]),
  width: z.int().min(1),
});

const manifest = z.looseObject({
  version: z.literal(1),
  pipeline: name,
  component: name,
  serial,
  parent: serial.nullable(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(1),
  runId: z.string().min(1),
  inputs: z.array(tensor),
  output: tensor,
  opset: z.int(),
  model: z.string(),
  protocol: named<ProtocolSpec>(),
  optimiser: named<OptimiserSpec>(),
  schedule: object<ScheduleSpec>(),
  batch: z.number(),
  steps: z.number(),
  seed: z.number(),
  upstream: serials,
  data: z.looseObject({ fingerprint: z.string(), rows: z.number() }),
  trainingLoss: z.number(),
  engine: z.string(),
  codeVersion: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
});

/** An announcement: the manifest, and where the bytes are in the model store. */
export interface StoredAnnouncement {
  readonly manifest: SnapshotManifest;
  readonly object: StoredObject;
}

export interface StoredObject {
  /** In the bucket's list of objects, for people and for the `nats` tool. */
  readonly name: string;
  /** The last token of the subject that the chunks are stored on. */
  readonly nuid: string;
}

const announcement: z.ZodType<StoredAnnouncement> = z.looseObject({
  manifest,
  object: z.looseObject({ name: z.string(), nuid: z.string().regex(/^[0-9A-Za-z_-]+$/) }),
});

const aliasChange: z.ZodType<AliasChange> = z.looseObject({
  component: name,
  alias: name,
  kind: z.enum(["set", "rollback"]),
  serial: serial.nullable(),
  previous: serial.nullable(),
  by: z.string(),
  at: z.string(),
});

const interval = z.tuple([z.number(), z.number()]);
const judged = { version: z.literal(1), pipeline: name, component: name, serial };

const verdict: z.ZodType<Verdict> = z.looseObject({
  ...judged,
  kind: z.enum(["improved", "degraded", "inconclusive", "self-defeating"]),
  componentLoss: z.looseObject({ current: z.number().nullable(), candidate: z.number().nullable() }),
  componentInterval: interval.nullable(),
  comparison: object<PairedComparison>().nullable(),
  alternatives: z.array(object<PairedComparison>()),
  rows: z.number(),
  evaluator: z.string(),
  seconds: z.number(),
  judgedAt: z.string(),
});

const quarantine: z.ZodType<Quarantine> = z.looseObject({
  ...judged,
  reason: z.custom<Quarantine["reason"]>((value) => typeof value === "string", "a reason is missing"),
  detail: z.string(),
  evaluator: z.string(),
  judgedAt: z.string(),
});

export const readers = {
  announcement: reader(announcement),
  aliasChange: reader(aliasChange),
  verdict: reader(verdict),
  quarantine: reader(quarantine),
};

export type Reader<T> = (data: Uint8Array) => { readonly value: T } | { readonly wrong: string };

function reader<T>(schema: z.ZodType<T>): Reader<T> {
  return (data) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(new TextDecoder().decode(data));
    } catch {
      return { wrong: "it is not JSON" };
    }
    const result = schema.safeParse(parsed);
    if (result.success) return { value: result.data };
    const issue = result.error.issues[0];
    return { wrong: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it has another form"}` };
  };
}
