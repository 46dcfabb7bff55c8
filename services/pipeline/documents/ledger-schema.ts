import { z } from "zod";
import type { ErrorCode } from "../../common/errors.ts";
import { NAME } from "../name.ts";
import {
  type CandidateRun,
  DECISIONS,
  type Decision,
  type Delivered,
  type LedgerEntry,
  ORDER_VERBS,
  type Order,
  RELEASE_KINDS,
  type Release,
  type Served,
} from "../release.ts";
import { formatVersion, parseDocument } from "./document.ts";
import { digestSchema } from "./manifest-schema.ts";
import { serialSchema, serialsSchema, uint32Schema } from "./provenance-schema.ts";

const base = { version: z.literal(1), pipeline: z.string().min(1), at: z.string() };
const snapshot = z.looseObject({ component: z.string().min(1), serial: serialSchema });

const release: z.ZodType<Release> = z
  .looseObject({
    ...base,
    entry: z.literal("release"),
    number: serialSchema,
    composition: serialsSchema,
    previous: serialSchema.nullable(),
    kind: z.enum(RELEASE_KINDS),
    cause: z.discriminatedUnion("type", [
      z.looseObject({ type: z.enum(["founded", "ungated", "bootstrap"]) }),
      z.looseObject({ type: z.literal("decision"), position: serialSchema }),
      z.looseObject({ type: z.literal("quarantine"), snapshot }),
      z.looseObject({
        type: z.literal("person"),
        by: z.string(),
        reason: z.string().nullable(),
        overrides: z.array(z.string()).exactOptional(),
      }),
    ]),
    pinned: z.array(z.string()),
    gate: digestSchema.nullable(),
  })
  .refine(({ number, previous }) => previous === (number === 1 ? null : number - 1), {
    path: ["previous"],
    message: "must be the number before",
  });

const criterion = z.looseObject({
  name: z.enum(["composed", "audited", "transition", "drift", "guard", "slice"]),
  subject: z.string().exactOptional(),
  difference: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  margin: z.number(),
  screened: z.boolean(),
  confirmed: z.boolean().nullable(),
});

const decision: z.ZodType<Decision> = z.looseObject({
  ...base,
  entry: z.literal("decision"),
  moves: serialsSchema,
  release: uint32Schema,
  decision: z.enum(DECISIONS),
  reasons: z.array(z.string()),
  criteria: z.array(criterion),
  needs: z.array(z.string()),
  mode: z.enum(["observe", "enforce"]),
  gate: digestSchema,
  generation: uint32Schema,
  asked: z.looseObject({ part: z.enum(["confirm", "reserve"]), question: serialSchema }).nullable(),
  detail: z.string().exactOptional(),
  by: z.string(),
  seconds: z.number().min(0),
});

const order: z.ZodType<Order> = z.looseObject({
  ...base,
  entry: z.literal("order"),
  verb: z.enum(ORDER_VERBS),
  snapshots: z.array(snapshot),
  generation: serialSchema.exactOptional(),
  by: z.string(),
  reason: z.string().nullable(),
});

const candidateRun: z.ZodType<CandidateRun> = z.looseObject({
  ...base,
  entry: z.literal("candidate-run"),
  id: z.string().min(1),
  state: z.enum(["requested", "cancelled"]),
  candidate: snapshot,
  consumer: z.string().min(1),
  attempt: serialSchema,
  release: serialSchema,
  upstream: serialsSchema,
  why: z.string(),
});

const served: z.ZodType<Served> = z.looseObject({
  ...base,
  entry: z.literal("served"),
  follower: z.string().regex(NAME),
  release: serialSchema,
  composition: serialsSchema,
  since: z.string(),
});

const delivered: z.ZodType<Delivered> = z.looseObject({
  ...base,
  entry: z.literal("delivered"),
  webhook: digestSchema,
  position: z.int().min(0),
});

const schemas = { release, decision, order, "candidate-run": candidateRun, served, delivered } as const;
const kinds = z.looseObject({
  entry: z.enum(["release", "decision", "order", "candidate-run", "served", "delivered"]),
});

/** @throws NewerFormatError; UncoupleError `data-loss` naming every invalid field */
export function parseLedgerEntry(document: unknown): LedgerEntry {
  formatVersion("entry of the ledger", document, 1);
  return parsed(document, "data-loss");
}

/** As `parseLedgerEntry`, for writers. @throws UncoupleError `invalid-argument` naming every invalid field */
export function checkLedgerEntry(entry: LedgerEntry): void {
  parsed(entry, "invalid-argument");
}

function parsed(document: unknown, code: ErrorCode): LedgerEntry {
  const { entry } = parseDocument(kinds, "entry of the ledger", document, code);
  return parseDocument<LedgerEntry>(schemas[entry], entry, document, code);
}
