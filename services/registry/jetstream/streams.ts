import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";

/** Names of everything a pipeline stores on the server. Pipeline and component names need no escaping. */
export interface Names {
  readonly snapshots: LogNames;
  readonly aliases: LogNames;
  readonly verdicts: LogNames;
  readonly quarantines: LogNames;
  readonly models: { readonly stream: string; readonly bucket: string; readonly subject: string };
  readonly leases: { readonly stream: string; readonly bucket: string; readonly subject: string };
}

export interface LogNames {
  readonly stream: string;
  /** Subject prefix of every message of the log. */
  readonly subject: string;
}

/** @param pipeline a name by `checkName`, so that it is one token of a subject and a part of a stream's name */
export function namesOf(pipeline: string): Names {
  const log = (kind: string): LogNames => ({
    stream: `uncouple-${pipeline}-${kind}`,
    subject: `uncouple.${pipeline}.${kind}`,
  });
  const models = `uncouple-${pipeline}-models`;
  const leases = `uncouple-${pipeline}-leases`;
  return {
    snapshots: log("snapshots"),
    aliases: log("aliases"),
    verdicts: log("verdicts"),
    quarantines: log("quarantines"),
    models: { bucket: models, stream: `OBJ_${models}`, subject: `$O.${models}` },
    leases: { bucket: leases, stream: `KV_${leases}`, subject: `$KV.${leases}` },
  };
}

/**
 * Default sizes of a new model store, in bytes: the first that the server has room for. JetStream reserves the space, so
 * that models which fill their store leave room for announcements.
 */
const DEFAULT_STORE_BYTES = [2048, 1024, 512, 256, 128, 64].map((mebibytes) => mebibytes * 1024 ** 2);

/**
 * Creates whatever is missing on the server. Several processes may do so concurrently. Existing streams are left unchanged
 * (an administrator may have configured replicas), except for the model store's limit if one is given.
 *
 * @param maxStoreBytes size limit of the model store; undefined leaves it unchanged, or uses the default for a new store
 * @throws UncoupleError `resource-exhausted` if the server has no room for a store of that size
 */
export async function ensureStreams(
  connection: NatsConnection,
  names: Names,
  maxStoreBytes: number | undefined,
): Promise<void> {
  const log = ({ stream, subject }: LogNames) =>
    ensure(connection, { ...SHARED, name: stream, subjects: [`${subject}.>`], deny_delete: true, deny_purge: true });
  await Promise.all([
    log(names.snapshots),
    log(names.aliases),
    log(names.verdicts),
    log(names.quarantines),
    ensureModelStore(connection, names.models, maxStoreBytes),
    // A key-value bucket (NATS ADR-8): the `nats` tool reads it.
    ensure(connection, {
      ...SHARED,
      name: names.leases.stream,
      subjects: [`${names.leases.subject}.>`],
      discard: "new",
      max_msgs_per_subject: 1,
      allow_rollup_hdrs: true,
      deny_delete: true,
    }),
  ]);
}

/**
 * Checks that the server has the pipeline, without changing anything.
 * @throws UncoupleError `not-found` naming the pipelines that it has
 */
export async function findStreams(connection: NatsConnection, names: Names, pipeline: string): Promise<void> {
  if ((await existing(connection, names.snapshots.stream)) !== undefined) return;
  // Clients without permission to list streams get the rest of the message.
  const known = await pipelinesAt(connection).catch(() => undefined);
  const others =
    known === undefined
      ? ""
      : `${didYouMean(pipeline, known)} (it has ${known.length === 0 ? "none" : known.join(", ")})`;
  throw new UncoupleError(
    "not-found",
    `the NATS server at ${connection.server} has no pipeline "${pipeline}"${others}`,
  );
}

/** Returns the names of the pipelines that have streams on the server. */
async function pipelinesAt(connection: NatsConnection): Promise<readonly string[]> {
  const pipelines: string[] = [];
  for (let offset = 0; ; ) {
    const request = { subject: namesOf("*").snapshots.subject.concat(".>"), offset };
    const page = (await connection.api("STREAM.NAMES", request)) as { total: number; streams?: string[] | null };
    const streams = page.streams ?? [];
    for (const stream of streams) {
      const pipeline = /^uncouple-(.+)-snapshots$/.exec(stream)?.[1];
      if (pipeline !== undefined) pipelines.push(pipeline);
    }
    offset += streams.length;
    if (streams.length === 0 || offset >= page.total) return pipelines.sort();
  }
}

const SHARED = { storage: "file", retention: "limits", num_replicas: 1, max_age: 0, allow_direct: true };

/** An object store bucket (NATS ADR-20): the `nats` tool reads it. */
async function ensureModelStore(
  connection: NatsConnection,
  { stream, subject }: Names["models"],
  maxStoreBytes: number | undefined,
): Promise<void> {
  const sizes = maxStoreBytes === undefined ? DEFAULT_STORE_BYTES : [maxStoreBytes];
  let full: unknown;
  for (const size of sizes) {
    const config = {
      ...SHARED,
      name: stream,
      subjects: [`${subject}.C.>`, `${subject}.M.>`],
      discard: "new",
      allow_rollup_hdrs: true,
      max_bytes: size,
    };
    try {
      return await ensure(connection, config, maxStoreBytes === undefined ? [] : ["max_bytes"]);
    } catch (error) {
      if (!(error instanceof UncoupleError) || error.code !== "resource-exhausted") throw error;
      full = error;
    }
  }
  throw new UncoupleError(
    "resource-exhausted",
    `the NATS server at ${connection.server} has no room for a model store of ${sizes.at(-1)} bytes: lower --max-store-bytes, or raise max_file of its jetstream configuration`,
    { cause: full },
  );
}

type StreamConfig = Readonly<Record<string, unknown>> & { readonly name: string };

/** Waits between checks of a stream that another process seems to be creating; creating it then fails in various ways. */
const OTHERS_CREATE_MS = [20, 100, 400] as const;

async function ensure(
  connection: NatsConnection,
  wanted: StreamConfig,
  enforced: readonly string[] = [],
): Promise<void> {
  const config = await existing(connection, wanted.name);
  if (config === undefined) return create(connection, wanted);
  if (enforced.every((key) => config[key] === wanted[key])) return;
  const changes = Object.fromEntries(enforced.map((key) => [key, wanted[key]]));
  await connection.api(`STREAM.UPDATE.${wanted.name}`, { ...config, ...changes });
}

async function existing(connection: NatsConnection, stream: string): Promise<StreamConfig | undefined> {
  try {
    return ((await connection.api(`STREAM.INFO.${stream}`)) as { config: StreamConfig }).config;
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.streamNotFound)) return undefined;
    throw error;
  }
}

async function create(connection: NatsConnection, wanted: StreamConfig): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await connection.api(`STREAM.CREATE.${wanted.name}`, wanted);
      return;
    } catch (error) {
      const wait = OTHERS_CREATE_MS[attempt];
      if (wait === undefined) throw error;
      await connection.clock.sleep(wait);
      if ((await existing(connection, wanted.name)) !== undefined) return;
    }
  }
}
