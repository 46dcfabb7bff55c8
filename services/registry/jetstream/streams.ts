import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { isTooFewServers } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { namingRight, READ } from "./rights.ts";
import { findStream, type StreamConfig, streamState } from "./stream-api.ts";
import { ONE_PER_SUBJECT, streamConfigs } from "./stream-config.ts";

/** Names of everything a pipeline stores on the server. Pipeline and component names need no escaping. */
export interface Names {
  readonly snapshots: LogNames;
  readonly pipelines: LogNames;
  /** The ledger. */
  readonly releases: LogNames;
  readonly aliases: CompactedLogNames;
  readonly verdicts: CompactedLogNames;
  readonly quarantines: CompactedLogNames;
  /** Tombstones and pins. */
  readonly tombstones: LogNames;
  readonly models: { readonly stream: string; readonly bucket: string; readonly subject: string };
  readonly leases: { readonly stream: string; readonly bucket: string; readonly subject: string };
}

export interface LogNames {
  readonly stream: string;
  /** Subject prefix of every message of the log. */
  readonly subject: string;
  /** Of a log that is compacted: what takes the place of a stream that refuses to delete messages (`successor.ts`). */
  readonly successor?: { readonly stream: string; readonly pointer: string };
}

export type CompactedLogNames = Required<LogNames>;

/** @param pipeline a name by `checkName`, so that it is one token of a subject and a part of a stream's name */
export function namesOf(pipeline: string): Names {
  const log = (kind: string): LogNames => ({
    stream: `uncouple-${pipeline}-${kind}`,
    subject: `uncouple.${pipeline}.${kind}`,
  });
  const compacted = (kind: string): CompactedLogNames => {
    const names = log(kind);
    return { ...names, successor: { stream: `${names.stream}_2`, pointer: `${names.subject}-archive` } };
  };
  const models = `uncouple-${pipeline}-models`;
  const leases = `uncouple-${pipeline}-leases`;
  return {
    snapshots: log("snapshots"),
    pipelines: log("pipelines"),
    releases: log("releases"),
    aliases: compacted("aliases"),
    verdicts: compacted("verdicts"),
    quarantines: compacted("quarantines"),
    tombstones: log("tombstones"),
    models: { bucket: models, stream: `OBJ_${models}`, subject: `$O.${models}` },
    leases: { bucket: leases, stream: `KV_${leases}`, subject: `$KV.${leases}` },
  };
}

/**
 * Default sizes of a new model store, in bytes: the first that the server has room for. JetStream reserves the space, so
 * that models which fill their store leave room for announcements.
 */
const DEFAULT_STORE_BYTES = [2048, 1024, 512, 256, 128, 64].map((mebibytes) => mebibytes * 1024 ** 2);

/** What the user of a service decides about the streams. */
export interface StreamSettings {
  /** Size limit of the model store; undefined leaves it unchanged, or uses the default for a new store. */
  readonly maxStoreBytes?: number;
  /**
   * Servers of a cluster that keep each message, 1 to 5; undefined leaves existing streams unchanged and creates new ones
   * with three, or with one where there are fewer servers.
   */
  readonly replicas?: number;
}

/** Replicas of a new stream where the cluster has as many servers: it survives the loss of any one of them. */
const CLUSTER_REPLICAS = 3;

/**
 * Creates whatever is missing on the server. Several processes may do so concurrently. Existing streams are left unchanged,
 * as an administrator may have configured them, except for what `settings` names, and for the rule that an announcement's
 * subject takes one message.
 *
 * @throws UncoupleError `resource-exhausted` if the server has no room for a store of that size; `failed-precondition` if
 *   the cluster has fewer servers than the replicas asked for
 */
export async function ensureStreams(
  connection: NatsConnection,
  names: Names,
  settings: StreamSettings,
  log: EventLogger,
): Promise<void> {
  const { replicas, maxStoreBytes } = settings;
  const server: Server = {
    connection,
    replicas: replicas ?? usualReplicas(connection),
    chosen: replicas !== undefined,
  };
  const wanted = streamConfigs(names);
  await Promise.all([
    ensureAnnouncements(server, names.snapshots, wanted.snapshots, log),
    ensure(server, wanted.pipelines),
    ensure(server, wanted.releases),
    ensureCompacted(server, names.aliases, wanted.aliases),
    ensureCompacted(server, names.verdicts, wanted.verdicts),
    ensureCompacted(server, names.quarantines, wanted.quarantines),
    ensure(server, wanted.tombstones),
    ensureModelStore(server, wanted.models, maxStoreBytes),
    ensure(server, wanted.leases),
  ]);
  for (const { stream } of [names.models, names.leases]) await refuseRollups(connection, stream, log);
}

/**
 * A rollup header makes one message delete the earlier ones of its subject, or of the whole stream: whoever may store a chunk
 * or renew a lease could remove those of all others. Version 0.1.0 created its streams so that the server obeys the header.
 */
async function refuseRollups(connection: NatsConnection, stream: string, log: EventLogger): Promise<void> {
  const config = await existing(connection, stream);
  if (config?.allow_rollup_hdrs !== true) return;
  try {
    await connection.api(`STREAM.UPDATE.${stream}`, { ...config, allow_rollup_hdrs: false });
  } catch (error) {
    // A server that is away is retried. One that answers does not permit this client to update streams.
    await existing(connection, stream);
    log("warn", `${stream} lets any client that may write to it delete all of it: ${asUncoupleError(error).message}`);
  }
}

/** Creates a stream if it is missing, with the usual replicas. */
export function ensureStream(connection: NatsConnection, wanted: StreamConfig): Promise<void> {
  return ensure({ connection, replicas: usualReplicas(connection), chosen: false }, wanted);
}

/** Replicas of a new stream, where the user has not chosen. */
export function usualReplicas(connection: NatsConnection): number {
  return connection.clustered() ? CLUSTER_REPLICAS : 1;
}

/** Where streams are created, and with how many replicas. */
interface Server {
  readonly connection: NatsConnection;
  readonly replicas: number;
  /** Whether the user chose the replicas, so that existing streams get them, too. */
  readonly chosen: boolean;
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

/**
 * Description of the stream of announcements while a backup is restored: it is made first, and loses the description last, so
 * that nobody uses half a store.
 */
export const RESTORING = "A backup is being restored: services wait.";

/** Why a pipeline cannot be used now, if a backup is being restored. */
export async function restoringReason(connection: NatsConnection, names: Names): Promise<string | undefined> {
  if ((await existing(connection, names.snapshots.stream))?.description !== RESTORING) return undefined;
  return `${names.snapshots.stream} at ${connection.server} is being restored from a backup; if \`uncouple restore\` was interrupted, run it again`;
}

/** Returns a stream that the server lacks, if any, for accounts that cannot create it. */
export async function missingStream(connection: NatsConnection, names: Names): Promise<string | undefined> {
  for (const { stream, successor } of Object.values(names) as readonly StreamNames[]) {
    if ((await existing(connection, stream)) !== undefined) continue;
    if (successor === undefined || (await existing(connection, successor.stream)) === undefined) return stream;
  }
  return undefined;
}

type StreamNames = Pick<LogNames, "stream" | "successor">;

/** The streams that a pipeline has, or will have when its logs are compacted. */
export function streamsOf(names: Names): readonly string[] {
  return (Object.values(names) as readonly StreamNames[]).flatMap(({ stream, successor }) =>
    successor === undefined ? [stream] : [stream, successor.stream],
  );
}

/** The streams of the logs that are compacted: messages are deleted from them, and a successor replaces the first one. */
export function compactedStreamsOf({ verdicts, quarantines, aliases }: Names): readonly string[] {
  return [verdicts, quarantines, aliases].flatMap(({ stream, successor }) => [stream, successor.stream]);
}

/** Whether a service of this version has created the log of tombstones and pins. */
export async function hasTombstones(connection: NatsConnection, names: Names): Promise<boolean> {
  return (await existing(connection, names.tombstones.stream)) !== undefined;
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

async function ensureAnnouncements(
  server: Server,
  names: LogNames,
  wanted: StreamConfig,
  log: EventLogger,
): Promise<void> {
  const { connection } = server;
  await ensure(server, wanted);
  // Another process, of any version, may have created it.
  const config = (await existing(connection, wanted.name)) ?? wanted;
  if (Object.entries(ONE_PER_SUBJECT).every(([key, value]) => config[key] === value)) return;
  const unlimited = (why: string) =>
    log("warn", `${names.stream} takes several announcements of one serial, although only the first counts: ${why}`);
  // With the limit, the server would delete all but the last message of a subject.
  const { subjects } = await streamState(connection, names.stream, `${names.subject}.>`);
  const several = [...subjects].filter(([, count]) => count > 1).map(([subject]) => subject);
  if (several.length > 0) {
    return unlimited(`${several.slice(0, 3).join(", ")} ${several.length === 1 ? "has" : "have"} several already`);
  }
  try {
    await connection.api(`STREAM.UPDATE.${names.stream}`, { ...config, ...ONE_PER_SUBJECT });
    log("info", `${names.stream} now takes one announcement of each serial`);
  } catch (error) {
    // A server that is away is retried. One that answers does not permit this client to update streams.
    await existing(connection, names.stream);
    unlimited(`${asUncoupleError(error).message}; an administrator can set ${JSON.stringify(ONE_PER_SUBJECT)}`);
  }
}

/** Compaction deletes messages. Version 0.1.0 created streams that refuse to: they have a successor from then on. */
async function ensureCompacted(server: Server, names: CompactedLogNames, wanted: StreamConfig): Promise<void> {
  const successor = await existing(server.connection, names.successor.stream);
  if (successor !== undefined && isOpen(successor)) return ensure(server, successor);
  return ensure(server, wanted);
}

/** Whether a stream takes messages: a successor that is still being made has no subjects. */
export function isOpen({ subjects, sources }: StreamConfig): boolean {
  return (subjects ?? []).length > 0 && (sources ?? []).length === 0;
}

async function ensureModelStore(server: Server, wanted: StreamConfig, maxStoreBytes: number | undefined) {
  const sizes = maxStoreBytes === undefined ? DEFAULT_STORE_BYTES : [maxStoreBytes];
  let full: unknown;
  for (const size of sizes) {
    try {
      return await ensure(server, { ...wanted, max_bytes: size }, maxStoreBytes === undefined ? [] : ["max_bytes"]);
    } catch (error) {
      if (!(error instanceof UncoupleError) || error.code !== "resource-exhausted") throw error;
      full = error;
    }
  }
  throw new UncoupleError(
    "resource-exhausted",
    `the NATS server at ${server.connection.server} has no room for a model store of ${sizes.at(-1)} bytes: lower --max-store-bytes, or raise max_file of its jetstream configuration`,
    { cause: full },
  );
}

/** Waits between checks of a stream that another process seems to be creating; creating it then fails in various ways. */
const OTHERS_CREATE_MS = [20, 100, 400] as const;

async function ensure(server: Server, given: StreamConfig, settings: readonly string[] = []): Promise<void> {
  const { connection, replicas, chosen } = server;
  const wanted = { ...given, num_replicas: replicas };
  const config: StreamConfig | undefined = await existing(connection, wanted.name);
  if (config === undefined) return createReplicated(server, wanted);
  const enforced = chosen ? [...settings, "num_replicas"] : settings;
  const changes = enforced.filter((key) => config[key] !== (wanted as StreamConfig)[key]);
  if (changes.length === 0) return;
  const changed = Object.fromEntries(changes.map((key) => [key, (wanted as StreamConfig)[key]]));
  await connection.api(`STREAM.UPDATE.${wanted.name}`, { ...config, ...changed });
}

/** A cluster may have fewer servers than the usual number of replicas. */
async function createReplicated({ connection, replicas, chosen }: Server, wanted: StreamConfig): Promise<void> {
  try {
    await create(connection, wanted);
  } catch (error) {
    if (chosen || replicas === 1 || !isTooFewServers(error)) throw error;
    await create(connection, { ...wanted, num_replicas: 1 });
  }
}

async function existing(connection: NatsConnection, stream: string): Promise<StreamConfig | undefined> {
  try {
    return (await findStream(connection, stream))?.config;
  } catch (error) {
    throw namingRight(error, READ);
  }
}

async function create(connection: NatsConnection, wanted: StreamConfig): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await connection.api(`STREAM.CREATE.${wanted.name}`, wanted);
      return;
    } catch (error) {
      const wait = OTHERS_CREATE_MS[attempt];
      if (wait === undefined || isTooFewServers(error)) throw error;
      await connection.clock.sleep(wait);
      if ((await existing(connection, wanted.name)) !== undefined) return;
    }
  }
}
