import { createHash } from "node:crypto";
import type { Pipeline } from "./pipeline.ts";

/** The keys of the data that say where the rows are, which differs between machines. */
const PLACES: readonly string[] = ["path", "format", "url"];

/**
 * What a pipeline file says, in the form that is stored, compared and identified by its digest: the parsed pipeline, with
 * its components by name, and without the places of its rows and of the webhooks' secrets. Fields of later versions are kept.
 *
 * It does not depend on comments, formatting, the order of keys, or on which defaults are written out. The place of the data
 * is left out because each machine may keep the same rows elsewhere: fingerprints in manifests and verdicts identify the rows.
 * So may each keep its secrets.
 */
export type PipelineContent = Readonly<Record<string, unknown>>;

export function contentOf(pipeline: Pipeline): PipelineContent {
  const { components, data, webhooks, ...rest } = pipeline;
  const named = Object.fromEntries(components.map(({ name, data: _view, ...component }) => [name, component]));
  const rows = withoutPlace(data);
  if (data.source !== "synthetic" && typeof data.heldOut === "object") rows.heldOut = withoutPlace(data.heldOut);
  const told = webhooks?.map(({ secretFile: _secret, ...webhook }) => webhook);
  return { ...rest, data: rows, components: named, ...(told !== undefined && { webhooks: told }) };
}

function withoutPlace(rows: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(rows).filter(([key]) => !PLACES.includes(key)));
}

/** Returns the SHA-256 of a pipeline file's content, lowercase hex. */
export function digestOf(content: PipelineContent): string {
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}

/** Encodes a JSON value in one way only: keys sorted by UTF-16 code units, no white space (as RFC 8785). */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}

/** The beginning of a digest, for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
