import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { streamState } from "./stream-api.ts";

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
 * (an administrator may have configured replicas), except for the model store's limit if one is given, and for the rule
 * that an announcement's subject takes one message.
 *
 * @param maxStoreBytes size limit of the model store; undefined leaves it unchanged, or uses the default for a new store
 * @throws UncoupleError `resource-exhausted` if the server has no room for a store of that size
 */
export async function ensureStreams(
  connection: NatsConnection,
  names: Names,
  maxStoreBytes: number | undefined,
  log: EventLogger,
): Promise<void> {
  await Promise.all([
    ensureAnnouncements(connection, names.snapshots, log),
    ensure(connection, logConfig(names.aliases)),
    ensure(connection, logConfig(names.verdicts)),
    ensure(connection, logConfig(names.quarantines)),
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

function logConfig({ stream, subject }: LogNames): StreamConfig {
  return { ...SHARED, name: stream, subjects: [`${subject}.>`], deny_delete: true, deny_purge: true };
}

/**
 * A subject takes one announcement: the server refuses a second one, also from a version that cannot read the first and
 * would announce its own under the same serial. Version 0.1.0 created its streams without this rule.
 */
const ONE_PER_SUBJECT = { max_msgs_per_subject: 1, discard: "new", discard_new_per_subject: true };

async function ensureAnnouncements(connection: NatsConnection, names: LogNames, log: EventLogger): Promise<void> {
  const wanted: StreamConfig = { ...logConfig(names), ...ONE_PER_SUBJECT };
  if ((await existing(connection, wanted.name)) === undefined) await create(connection, wanted);
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
