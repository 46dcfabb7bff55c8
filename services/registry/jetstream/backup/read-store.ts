import { UncoupleError } from "../../../common/errors.ts";
import { sha256 } from "../../../common/files/digest.ts";
import { snapshotName } from "../../../pipeline/manifest.ts";
import { EVALUATOR_GROUP } from "../../backplane.ts";
import { readers, type StoredObject } from "../codec.ts";
import { isJetStreamError, JetStreamCode } from "../errors.ts";
import type { ModelFacts, ModelStore } from "../model-store.ts";
import type { NatsConnection } from "../nats-connection.ts";
import { type StoredMessage, streamState } from "../stream-api.ts";
import type { Names } from "../streams.ts";
import { type BackupDocument, type BackupFile, formatMessage, LOGS } from "./backup-document.ts";
import { headOf, messagesUpTo } from "./read-log.ts";
import type { TarFile } from "./tar.ts";

export interface ReadStoreDeps {
  readonly connection: NatsConnection;
  readonly names: Names;
  readonly models: Pick<ModelStore, "get" | "describe">;
  readonly signal: AbortSignal;
  /** Called with every model that has been read. */
  progress(done: number, total: number): void;
}

/** What a backup says of the store. */
export type StoreContent = Pick<BackupDocument, "logs" | "queue" | "store" | "models" | "lost">;

/** Size of a file of messages, in bytes of JSON. */
const FILE_BYTES = 4 * 1024 ** 2;
/** Collections are rare and short. */
const ATTEMPTS = 10;

/** The logs at one moment, and what they say of models. */
interface Cut {
  readonly logs: StoreContent["logs"];
  readonly settled: number;
  /** The last message of the log of tombstones. */
  readonly tombstones: number;
  /** What snapshots that were not deleted were announced with, by the id in the model store. */
  readonly models: ReadonlyMap<string, AnnouncedModel>;
}

interface AnnouncedModel {
  readonly object: StoredObject;
  /** Of an announcement that only another version can read, as the model store has it. */
  readonly facts: ModelFacts;
}

/**
 * Reads the store of a pipeline while services write: first the logs, then the models that they announce. If snapshots are
 * deleted in the meantime, it reads the logs again; models that it has read stay.
 * @throws UncoupleError `unavailable` if collections never pause; the signal's reason
 */
export async function* readStore(deps: ReadStoreDeps): AsyncGenerator<TarFile, StoreContent, undefined> {
  const { connection, names, models, signal } = deps;
  const read = new Map<string, StoreContent["models"][number]>();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const cut = yield* readLogs(deps, attempt);
    if (cut === undefined) continue;
    const lost: StoreContent["lost"][number][] = [];
    let done = 0;
    let deleted = false;
    for (const [id, { object, facts }] of cut.models) {
      signal.throwIfAborted();
      const snapshot = snapshotName(facts);
      if (!read.has(id)) {
        try {
          const bytes = await models.get(snapshot, facts, object, signal);
          const path = `models/${facts.component}/${facts.serial}.onnx`;
          read.set(id, { path, size: bytes.length, sha256: facts.digest, snapshot, object });
          yield { path, bytes };
        } catch (error) {
          if (!(error instanceof UncoupleError) || error.code !== "data-loss") throw error;
          deleted = await hasNewTombstone(deps, cut.tombstones);
          if (deleted) break;
          lost.push({ snapshot, reason: error.message });
        }
      }
      deps.progress(++done, cut.models.size);
    }
    if (deleted) continue;
    const { config } = await streamState(connection, names.models.stream);
    return {
      logs: cut.logs,
      queue: { settled: cut.settled },
      store: { config },
      models: [...cut.models.keys()].flatMap((id) => read.get(id) ?? []),
      lost,
    };
  }
  throw new UncoupleError(
    "unavailable",
    `snapshots at ${connection.server} were deleted during each of ${ATTEMPTS} attempts; try again later`,
  );
}

/** @returns undefined if a snapshot was deleted in the meantime */
async function* readLogs(deps: ReadStoreDeps, attempt: number): AsyncGenerator<TarFile, Cut | undefined, undefined> {
  const { connection, names, models, signal } = deps;
  // Judged first, acknowledged then: its verdict will be read.
  const settled = await settledAnnouncements(connection, names);
  const logs: StoreContent["logs"][number][] = [];
  const announced: Announced = { places: new Set(), models: new Map() };
  const buried = new Set<string>();
  let tombstones = 0;
  for (const name of LOGS) {
    const head = await headOf(connection, names[name], signal);
    if (head === undefined) continue;
    if (name === "tombstones") tombstones = head.last;
    const files: BackupFile[] = [];
    let last = 0;
    let entries = 0;
    let lines: string[] = [];
    let bytes = 0;
    const file = async (): Promise<TarFile> => {
      const content = Buffer.from(lines.join(""));
      const path = `logs-${attempt}/${name}/${String(files.length + 1).padStart(6, "0")}.jsonl`;
      files.push({ path, size: content.length, sha256: await sha256(content) });
      lines = [];
      bytes = 0;
      return { path, bytes: content };
    };
    for await (const message of messagesUpTo(connection, names[name], head, 1, signal)) {
      const place = placeOf(message, names[name].subject);
      if (name === "tombstones" && place !== undefined) buried.add(snapshotName(place));
      if (name === "snapshots") await announce(message, place, announced, models);
      const line = formatMessage(message);
      lines.push(line);
      bytes += line.length;
      last = message.sequence;
      entries++;
      if (bytes >= FILE_BYTES) yield await file();
    }
    if (lines.length > 0) yield await file();
    logs.push({ name, config: head.config, last, entries, files });
  }
  if (await hasNewTombstone(deps, tombstones)) return undefined;
  const needed = [...announced.models].filter(([, { facts }]) => !buried.has(snapshotName(facts)));
  return { logs, settled, tombstones, models: new Map(needed) };
}

interface Announced {
  readonly places: Set<string>;
  readonly models: Map<string, AnnouncedModel>;
}

/** Notes the model of an announcement that is the first one of its serial, if any version can read where the model is. */
async function announce(
  { data }: StoredMessage,
  place: Place | undefined,
  announced: Announced,
  models: Pick<ModelStore, "describe">,
): Promise<void> {
  if (place === undefined || announced.places.has(snapshotName(place))) return;
  announced.places.add(snapshotName(place));
  const read = readers.announcedObject(data);
  if (!("value" in read) || announced.models.has(read.value.nuid)) return;
  const whole = readers.announcement(data);
  const facts = "value" in whole ? whole.value.manifest : await models.describe(read.value);
  if (facts === undefined) return;
  const { size, digest } = facts;
  announced.models.set(read.value.nuid, { object: read.value, facts: { ...place, size, digest } });
}

/** All announcements up to this position have been judged, by the evaluators' queue; 0 without one. */
async function settledAnnouncements(connection: NatsConnection, { snapshots }: Names): Promise<number> {
  try {
    const { ack_floor } = (await connection.api(`CONSUMER.INFO.${snapshots.stream}.${EVALUATOR_GROUP}`)) as {
      ack_floor: { stream_seq: number };
    };
    return ack_floor.stream_seq;
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.consumerNotFound)) return 0;
    throw error;
  }
}

async function hasNewTombstone({ connection, names, signal }: ReadStoreDeps, after: number): Promise<boolean> {
  const head = await headOf(connection, names.tombstones, signal);
  if (head === undefined) return false;
  for await (const message of messagesUpTo(connection, names.tombstones, head, after + 1, signal)) {
    // Others are pins.
    if (placeOf(message, names.tombstones.subject) !== undefined) return true;
  }
  return false;
}

interface Place {
  readonly component: string;
  readonly serial: number;
}

/** The component and serial that a subject ends with, after the log's own subject. */
function placeOf({ subject }: StoredMessage, of: string): Place | undefined {
  const [, component, serial] = /^\.([a-z][a-z0-9-]*)\.([1-9]\d{0,8})$/.exec(subject.slice(of.length)) ?? [];
  return component === undefined ? undefined : { component, serial: Number(serial) };
}
