import { createRetry } from "../../../common/async/retry.ts";
import { UncoupleError } from "../../../common/errors.ts";
import { EVALUATOR_GROUP } from "../../backplane.ts";
import { isJetStreamError, isTooFewServers, JetStreamCode, JetStreamError } from "../errors.ts";
import { throughHub } from "../hub-connection.ts";
import { createModelStore } from "../model-store.ts";
import { type NatsConnection, openNatsConnection } from "../nats-connection.ts";
import type { LinkOptions } from "../nats-link.ts";
import { retryPolicy } from "../retry-policy.ts";
import { findStream, type StreamConfig, streamState } from "../stream-api.ts";
import { ensureStreams, type Names, namesOf, RESTORING, type StreamSettings, usualReplicas } from "../streams.ts";
import { createQueue } from "../work-queue.ts";
import { type BackupDocument, LOGS, parseMessages } from "./backup-document.ts";
import { readTar, type TarFile } from "./tar.ts";
import { createLogWriter, type LogWriter } from "./write-log.ts";

export interface RestoreOptions extends LinkOptions {
  /** What `checkBackup` has read. */
  readonly document: BackupDocument;
  readonly path: string;
  /** The backup as the user named it. */
  readonly file: string;
  /** Whether to replace a store that has snapshots. */
  readonly force: boolean;
  readonly settings: StreamSettings;
  readonly signal: AbortSignal;
  /** Called for each file that the writer of the backup added. */
  extra(file: TarFile): Promise<void>;
  /** Called with every model that is stored and was read back. */
  progress(done: number, total: number): void;
}

/** How long an outage may last, and a cluster may take to start. */
const LIMIT_MS = 60_000;
const AGAIN_MS = 250;

/**
 * Makes the store of a pipeline what it was when a backup was made: every log entry at its position, every model, and the
 * evaluators' queue. Replaces all streams of the pipeline except that of leases. Until it ends, connecting to the pipeline fails
 * with `unavailable`; processes that knew the store before end with `data-loss`. Each model is read back and compared with its
 * digest.
 *
 * @throws UncoupleError `conflict` if the server has snapshots of the pipeline, or somebody writes to it in the meantime;
 *   `resource-exhausted`; `failed-precondition` without permission; the signal's reason: then the store stays unusable until
 *   another call
 */
export async function restore(options: RestoreOptions): Promise<void> {
  const { document, settings, signal } = options;
  const names = namesOf(document.pipeline);
  const opened = await openNatsConnection(options);
  try {
    const connection = await throughHub(opened);
    await checkPermission(connection, names);
    if (!options.force) await refuseUsed(connection, names, document.pipeline);
    await emptyStreams(connection, names, document, settings);
    await fill(connection, names, options);
    signal.throwIfAborted();
    for (const log of document.logs) await setRules(connection, names, log);
    await replaceQueue(connection, names, document.queue.settled);
    // Those that earlier versions did not have, and what the user wants to be different.
    await ensureStreams(connection, names, settings, options.log);
    signal.throwIfAborted();
    const { config } = await streamState(connection, names.snapshots.stream);
    const { description: _, ...usable } = config;
    await update(connection, usable);
  } finally {
    await opened.close();
  }
}

/** Asks for something that only the right account may do, and that does nothing. @throws UncoupleError `failed-precondition` */
async function checkPermission(connection: NatsConnection, { snapshots }: Names): Promise<void> {
  const forbidden = (cause?: unknown) =>
    new UncoupleError(
      "failed-precondition",
      `the account at ${connection.server} may not replace a store; use the key of the user restorer`,
      { cause },
    );
  if (connection.restricted) throw forbidden();
  try {
    await connection.api(`STREAM.PURGE.${snapshots.stream}`, { filter: `${snapshots.subject}._none` });
  } catch (error) {
    if (error instanceof JetStreamError) return;
    throw error instanceof UncoupleError && error.code === "failed-precondition" ? forbidden(error) : error;
  }
}

/** @throws UncoupleError `conflict` if there is anything that people would miss */
async function refuseUsed(connection: NatsConnection, names: Names, pipeline: string): Promise<void> {
  const announcements = await findStream(connection, names.snapshots.stream);
  // An earlier call was interrupted.
  if (announcements?.config.description === RESTORING) return;
  const models = await findStream(connection, names.models.stream);
  if ((announcements?.messages ?? 0) === 0 && (models?.messages ?? 0) === 0) return;
  throw new UncoupleError(
    "conflict",
    `the NATS server at ${connection.server} has pipeline ${pipeline} with ${announcements?.messages ?? 0} snapshots; use --force to replace it`,
  );
}

/** Replaces the streams by empty ones, which permit everything. That of announcements says that the store is not usable. */
async function emptyStreams(
  connection: NatsConnection,
  names: Names,
  { logs, store }: BackupDocument,
  { replicas, maxStoreBytes }: StreamSettings,
): Promise<void> {
  const { snapshots, models } = names;
  const there = await findStream(connection, snapshots.stream);
  if (there !== undefined) await update(connection, { ...there.config, description: RESTORING });
  // The one of announcements first: it keeps others from creating streams.
  for (const name of ["snapshots", ...LOGS.filter((one) => one !== "snapshots")] as const) {
    const { stream, subject, successor } = names[name];
    if (successor !== undefined) await remove(connection, successor.stream);
    const log = logs.find((one) => one.name === name);
    if (log === undefined) {
      await remove(connection, stream);
      continue;
    }
    const config = { ...limitsOf(log.config), ...NO_RULES, name: stream, subjects: [`${subject}.>`] };
    await replace(connection, name === "snapshots" ? { ...config, description: RESTORING } : config, replicas);
  }
  const config = {
    ...limitsOf(store.config),
    name: models.stream,
    subjects: [`${models.subject}.C.>`, `${models.subject}.M.>`],
    ...(maxStoreBytes !== undefined && { max_bytes: maxStoreBytes }),
  };
  await replace(connection, config, replicas);
}

async function replace(connection: NatsConnection, config: StreamConfig, replicas: number | undefined): Promise<void> {
  const { clock, server } = connection;
  const wanted = { ...config, num_replicas: replicas ?? usualReplicas(connection) };
  const start = clock.elapsed();
  for (;;) {
    await remove(connection, config.name);
    try {
      await connection.api(`STREAM.CREATE.${config.name}`, wanted);
      const { messages } = await streamState(connection, config.name);
      if (messages === 0) return;
    } catch (error) {
      const late = clock.elapsed() - start > LIMIT_MS;
      if (isTooFewServers(error) && late) {
        throw new UncoupleError(
          "failed-precondition",
          `the cluster at ${server} has too few servers for ${wanted.num_replicas} replicas; start the others, or give --replicas`,
          { cause: error },
        );
      }
      // The cluster has just started, or a service has created the stream in between.
      const isPassing = isTooFewServers(error) || isJetStreamError(error, JetStreamCode.streamNameInUse);
      if (late || !isPassing) throw error;
      await clock.sleep(AGAIN_MS);
    }
  }
}

/** An evaluator that connected before may have begun a queue in the new stream, at its start. */
async function replaceQueue(connection: NatsConnection, { snapshots }: Names, settled: number): Promise<void> {
  const { clock } = connection;
  const start = clock.elapsed();
  for (;;) {
    await removeQueue(connection, snapshots.stream);
    try {
      await createQueue(connection, snapshots, EVALUATOR_GROUP, settled);
      return;
    } catch (error) {
      const isBegunAgain = isJetStreamError(error, JetStreamCode.consumerNotCreated);
      if (!isBegunAgain || clock.elapsed() - start > LIMIT_MS) throw error;
      await clock.sleep(AGAIN_MS);
    }
  }
}

async function removeQueue(connection: NatsConnection, stream: string): Promise<void> {
  try {
    await connection.api(`CONSUMER.DELETE.${stream}.${EVALUATOR_GROUP}`);
  } catch (error) {
    if (!isJetStreamError(error, JetStreamCode.consumerNotFound)) throw error;
  }
}

async function remove(connection: NatsConnection, stream: string): Promise<void> {
  try {
    await connection.api(`STREAM.DELETE.${stream}`);
  } catch (error) {
    if (!isJetStreamError(error, JetStreamCode.streamNotFound)) throw error;
  }
}

async function update(connection: NatsConnection, config: StreamConfig): Promise<void> {
  await connection.api(`STREAM.UPDATE.${config.name}`, config);
}

/** What belongs to the stream that was backed up. */
const OWN: ReadonlySet<string> = new Set(["description", "sources", "mirror", "metadata"]);

/** What an administrator may have configured. */
function limitsOf(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !OWN.has(key)));
}

/** While a log is filled, its stream takes any number of messages on a subject, and permits deletions. */
const NO_RULES = {
  max_msgs_per_subject: -1,
  discard: "old",
  discard_new_per_subject: false,
  deny_delete: false,
  deny_purge: false,
};

/** Gives a log the rules that it had. One that is compacted permits deletions, so that it needs no successor. */
async function setRules(
  connection: NatsConnection,
  names: Names,
  { name, config }: BackupDocument["logs"][number],
): Promise<void> {
  const rules = Object.fromEntries(Object.keys(NO_RULES).map((key) => [key, config[key]]));
  if (names[name].successor !== undefined) rules.deny_delete = false;
  const { config: now } = await streamState(connection, names[name].stream);
  await update(connection, { ...now, ...rules });
}

/** Stores the logs and models, and hands out what else the backup has. */
async function fill(connection: NatsConnection, names: Names, options: RestoreOptions): Promise<void> {
  const { document, signal } = options;
  const models = createModelStore(connection, names.models, LIMIT_MS);
  const writers = new Map<string, LogWriter>();
  const all: LogWriter[] = [];
  for (const { name, files } of document.logs) {
    const writer = createLogWriter(connection, names[name]);
    all.push(writer);
    for (const { path } of files) writers.set(path, writer);
  }
  const byPath = new Map(document.models.map((model) => [model.path, model]));
  const extras = new Set(document.extras.map(({ path }) => path));
  let done = 0;
  for await (const file of readTar(options.path, options.file)) {
    signal.throwIfAborted();
    await writers.get(file.path)?.append(parseMessages(file));
    const model = byPath.get(file.path);
    if (model !== undefined) {
      const facts = { size: model.size, digest: model.sha256 };
      await models.restore(
        model.object,
        file.bytes,
        model.sha256,
        createRetry(retryPolicy(connection, LIMIT_MS, signal)),
        signal,
      );
      await models.get(model.snapshot, facts, model.object, signal);
      options.progress(++done, byPath.size);
    }
    if (extras.has(file.path)) await options.extra(file);
  }
  for (const writer of all) await writer.finish();
}
