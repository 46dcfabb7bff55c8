import { z } from "zod";
import { QUARANTINE_REASONS } from "../../pipeline/verdict.ts";
import type { FromHost } from "../frames/messages.ts";

/** Longest text of a host, in characters; it ends up in quarantines and logs. */
const MAX_TEXT = 1_000;

const stage = z.number().int().nonnegative();
const bytes = z.number().nonnegative();
const held = z.object({ columns: bytes, outputs: bytes, models: bytes });
const text = z.string().transform((value) => value.slice(0, MAX_TEXT).replace(/[^\P{C}]/gu, " "));

const fromHost: z.ZodType<FromHost> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("missing"), stage, columns: z.array(z.string()), model: z.boolean() }),
  z.object({ kind: z.literal("progress"), stage, phase: z.enum(["run", "rows", "trial"]) }),
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("output") }),
  z.object({ kind: z.literal("done"), held }),
  z.object({
    kind: z.literal("failed"),
    stage,
    error: z.object({ reason: z.enum(QUARANTINE_REASONS).exactOptional(), message: text }),
    held,
  }),
]);

/** Reads a message of a host, which a model may have taken over. @throws for anything that a host never sends */
export function parseFromHost(json: string): FromHost {
  return fromHost.parse(JSON.parse(json));
}
