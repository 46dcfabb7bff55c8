import { z } from "zod";
import { asUncoupleError } from "../../common/errors.ts";
import { NewerFormatError, parseDocument } from "../../pipeline/documents/document.ts";
import { parseGeneration } from "../../pipeline/documents/generation-schema.ts";
import { parseLedgerEntry } from "../../pipeline/documents/ledger-schema.ts";
import { parseManifest } from "../../pipeline/documents/manifest-schema.ts";
import { parsePipelineVersion } from "../../pipeline/documents/pipeline-version-schema.ts";
import { parseTombstone } from "../../pipeline/documents/tombstone-schema.ts";
import { parseQuarantine, parseVerdict } from "../../pipeline/documents/verdict-schema.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import { checkName } from "../names.ts";
import type { AliasChange } from "../registry.ts";
import type { PinRecord } from "../retention-index.ts";

/**
 * An announcement: the manifest, and where the bytes are in the model store. A linked snapshot has none there: earlier versions,
 * which cannot find its bytes, therefore do not read its announcement.
 */
export interface StoredAnnouncement {
  readonly manifest: SnapshotManifest;
  /** Absent exactly if the snapshot is linked. */
  readonly object?: StoredObject;
}

export interface StoredObject {
  /** Name in the bucket's list of objects, as the `nats` tool shows it. */
  readonly name: string;
  /**
   * The last token of the subject that the chunks are stored on, or the last two: then the first one is the component, so that
   * an account can be limited to it.
   */
  readonly nuid: string;
}

const object = z.object({ name: z.string(), nuid: z.string().regex(/^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)?$/) });
const envelope = z.object({ manifest: z.unknown(), object: object.optional() });
const stored = z.object({ object });

const serial = z.int().min(1);
const aliasChange: z.ZodType<AliasChange> = z.object({
  component: z.string(),
  alias: z.string(),
  kind: z.enum(["set", "rollback"]),
  serial: serial.nullable(),
  previous: serial.nullable(),
  by: z.string(),
  at: z.string(),
});

const pinRecord: z.ZodType<PinRecord> = z.object({
  version: z.literal(1),
  component: z.string(),
  serial,
  owner: z.string(),
  pins: z.array(z.object({ holder: z.string(), renewedAt: z.iso.datetime() })),
});

/** The decoded value, or why there is none. `newer`: only because a newer version of the program wrote it. */
export type Read<T> = { readonly value: T } | { readonly wrong: string; readonly newer: boolean };

/** Decodes a message. Any client with write access may have sent it. */
export type Reader<T> = (data: Uint8Array) => Read<T>;

export const readers = {
  announcement: reader((document): StoredAnnouncement => {
    const parsed = parseDocument(envelope, "announcement", document);
    const manifest = named(parseManifest(parsed.manifest));
    if (parsed.object === undefined && manifest.provenance.origin !== undefined) return { manifest };
    return { manifest, ...parseDocument(stored, "announcement", document) };
  }),
  /** Of any announcement, even one whose manifest only another version can read. */
  announcedObject: reader((document): StoredObject => parseDocument(stored, "announcement", document).object),
  aliasChange: reader((document) => {
    const change = named(parseDocument(aliasChange, "alias change", document));
    checkName("alias", change.alias);
    return change;
  }),
  pipelineVersion: reader(parsePipelineVersion),
  generation: reader(parseGeneration),
  ledgerEntry: reader(parseLedgerEntry),
  verdict: reader((document) => named(parseVerdict(document))),
  quarantine: reader((document) => named(parseQuarantine(document))),
  tombstone: reader((document) => named(parseTombstone(document))),
  pins: reader((document) => named(parseDocument(pinRecord, "record of pins", document))),
};

/** Components are tokens of subjects and parts of file names. @throws UncoupleError `invalid-argument` */
function named<T extends { readonly component: string }>(value: T): T {
  checkName("component", value.component);
  return value;
}

function reader<T>(parse: (document: unknown) => T): Reader<T> {
  return (data) => {
    let document: unknown;
    try {
      document = JSON.parse(new TextDecoder().decode(data));
    } catch {
      return { wrong: "it is not JSON", newer: false };
    }
    try {
      return { value: parse(document) };
    } catch (thrown) {
      return { wrong: asUncoupleError(thrown).message, newer: thrown instanceof NewerFormatError };
    }
  };
}
