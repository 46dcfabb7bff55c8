import { z } from "zod";
import { UncoupleError } from "../../../common/errors.ts";
import { formatVersion, parseDocument } from "../../../pipeline/documents/document.ts";
import { ownHeaders, type StoredMessage } from "../stream-api.ts";

/**
 * The logs of a pipeline in the order in which a backup reads them: an entry is read before what it depends on, which was
 * stored earlier, so that a backup never has a verdict without its snapshot, a release without what judged it, or an alias of
 * a deleted snapshot or a newest release with one.
 */
export const LOGS = ["tombstones", "releases", "aliases", "verdicts", "quarantines", "snapshots", "pipelines"] as const;
export type LogName = (typeof LOGS)[number];

/** Name of the file in a backup that describes the others. It is the last one: without it, a backup is not complete. */
export const BACKUP_DOCUMENT = "backup.json";
const VERSION = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const file = z.object({ path: z.string(), size: z.int().min(0), sha256: digest });
/** As the JetStream API has it. */
const streamConfig = z.looseObject({ name: z.string() });
const position = z.int().min(0);

const backupDocument = z.object({
  version: z.literal(VERSION),
  pipeline: z.string(),
  /** Version of the program that wrote it. */
  codeVersion: z.string(),
  /** ISO 8601: when the logs had been read. */
  at: z.iso.datetime(),
  logs: z.array(
    z.object({
      name: z.enum(LOGS),
      config: streamConfig,
      /** The position of the newest entry, 0 for none. Positions have gaps. */
      last: position,
      entries: z.int().min(0),
      files: z.array(file),
    }),
  ),
  queue: z.object({
    /** All announcements up to this position had been judged, or need not be. */
    settled: position,
  }),
  store: z.object({ config: streamConfig }),
  models: z.array(
    file.extend({
      /** `m1@3` */
      snapshot: z.string(),
      object: z.object({ name: z.string(), nuid: z.string() }),
    }),
  ),
  /** Snapshots whose models the store itself had lost or damaged. */
  lost: z.array(z.object({ snapshot: z.string(), reason: z.string() })),
  /** What else the writer of the backup put in. */
  extras: z.array(file),
});

/** What a backup has: `backup.json`. */
export type BackupDocument = z.infer<typeof backupDocument>;
export type BackupFile = z.infer<typeof file>;

export function formatBackupDocument(document: BackupDocument): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, undefined, 1)}\n`);
}

/** @throws UncoupleError `failed-precondition` for a newer format, `data-loss` */
export function parseBackupDocument(bytes: Uint8Array): BackupDocument {
  const document = parseJson(bytes, BACKUP_DOCUMENT);
  formatVersion("backup", document, VERSION);
  return parseDocument(backupDocument, "backup", document);
}

/** A message of a log, with its position. */
export interface BackedUpMessage {
  readonly position: number;
  readonly subject: string;
  /** Those of the publisher. */
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

const line = z.object({
  position: z.int().min(1),
  subject: z.string(),
  headers: z.record(z.string(), z.string()),
  /** Base64. */
  data: z.base64(),
});

/** One line of a file of messages (JSON Lines). */
export function formatMessage(message: StoredMessage): string {
  const { sequence, subject, data } = message;
  const headers = Object.fromEntries(ownHeaders(message));
  return `${JSON.stringify({ position: sequence, subject, headers, data: Buffer.from(data).toString("base64") })}\n`;
}

/** @throws UncoupleError `data-loss` */
export function parseMessages({ path, bytes }: { readonly path: string; readonly bytes: Uint8Array }) {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines
    .filter((text) => text !== "")
    .map((text): BackedUpMessage => {
      const { data, ...message } = parseDocument(line, `message of ${path}`, parseJson(Buffer.from(text), path));
      return { ...message, data: Buffer.from(data, "base64") };
    });
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new UncoupleError("data-loss", `${what} is not JSON`, { cause });
  }
}
