import { retry } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import type { Backplane, WorkQueue } from "../backplane.ts";
import { checkName } from "../names.ts";
import { DEFAULT_MAX_MODEL_BYTES } from "../registry.ts";
import { readers } from "./codec.ts";
import { createAbsentCompaction, createJetStreamCompaction } from "./compaction.ts";
import { throughHub } from "./hub-connection.ts";
import { createJetStreamLeases } from "./leases.ts";
import type { NatsAuth } from "./nats-auth.ts";
import { type EventLogger, openNatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { createNeighbors, createStores } from "./stores.ts";
import { ensureStreams, findStreams, hasTombstones, missingStream, namesOf, restoringReason } from "./streams.ts";
import { clockOffset, storeUsage } from "./usage.ts";
import { createJetStreamWorkQueue } from "./work-queue.ts";
import { createJetStreamOnceLog } from "./write-once-log.ts";

/** A server that has just started may not have loaded its streams yet. */
const SETUP_LIMIT_MS = 20_000;
const PUBLISH_LIMIT_MS = 60_000;
/** When an upload counts as unfinished: far longer than any upload, and than the difference between any two clocks. */
export const ORPHAN_AGE_MS = 6 * 3_600_000;

export interface JetStreamOptions extends NatsAuth {
  /** One NATS server with JetStream, or several of one cluster, comma-separated: `nats://host:port`. */
  readonly url: string;
  readonly pipeline: string;
  readonly clock: Clock;
  /** Name of this service in the server's monitoring. */
  readonly name: string;
  /**
   * Whether to create missing streams on the server and remove orphaned objects; defaults to true. With false, connecting
   * changes nothing, and a pipeline that the server does not have is `not-found`.
   */
  readonly create?: boolean;
  /** Size limit for models that are published or read, in bytes; defaults to 256 MiB. */
  readonly maxModelBytes?: number;
  /** Size limit of the model store, in bytes; defaults to the existing limit, or for a new store to 2 GiB (less on a small server). */
  readonly maxStoreBytes?: number;
  /**
   * Servers that keep each message; defaults to the existing number, or for new streams to 3 in a cluster of three or more
   * servers and otherwise to 1.
   */
  readonly replicas?: number;
  /** How long a publish, verdict or alias change retries without progress during an outage; defaults to 60 s. */
  readonly retryLimitMs?: number;
  /** Receives reports of outages and of foreign messages. */
  readonly log?: EventLogger;
}

export interface JetStreamBackplane extends Backplane {
  /**
   * Removes unannounced bytes: from publishers that died midway, or met a conflict while the server was away. Runs in the
   * background whenever a backplane connects (unless `create` is false or its account is restricted), for objects older than
   * six hours.
   * @param olderThanMs milliseconds since the last byte was stored, by this machine's clock and the server's
   * @param options dryRun: whether to remove nothing
   * @returns the ids of the objects in the model store
   * @throws UncoupleError `failed-precondition` from a restricted account, which cannot remove anything
   */
  sweepOrphans(olderThanMs: number, options?: { readonly dryRun: boolean }): Promise<readonly string[]>;
}

/**
 * Connects to the backplane of a pipeline and creates whatever is missing on the server, unless `create` is false. A client
 * of an account that may not create streams needs those that `uncouple pipeline apply` creates.
 *
 * @throws UncoupleError `unavailable` naming the server, `resource-exhausted` naming --max-store-bytes, `invalid-argument`
 *   for an invalid pipeline name; with `create: false`, `not-found` naming the pipelines that the server has
 */
export async function connectJetStream(options: JetStreamOptions): Promise<JetStreamBackplane> {
  const { pipeline, create = true } = options;
  const { maxModelBytes = DEFAULT_MAX_MODEL_BYTES, retryLimitMs = PUBLISH_LIMIT_MS } = options;
  checkName("pipeline", pipeline);
  const log: EventLogger = options.log ?? (() => {});
  const names = namesOf(pipeline);
  const opened = await openNatsConnection({ ...options, log });
  let connection = opened;
  let collectable = true;
  try {
    const obstacle = await retry(retryPolicy(opened, SETUP_LIMIT_MS), async () => {
      connection = await throughHub(opened);
      const restoring = await restoringReason(connection, names);
      if (restoring !== undefined) return restoring;
      if (create && connection.restricted) {
        const missing = await missingStream(connection, names);
        if (missing === undefined) return undefined;
        return `the NATS server at ${connection.server} has no ${missing}: an operator must run \`uncouple pipeline apply\` for ${pipeline}`;
      }
      if (create) await ensureStreams(connection, names, options, log);
      if (create) return undefined;
      await findStreams(connection, names, pipeline);
      collectable = await hasTombstones(connection, names);
      return undefined;
    });
    if (obstacle !== undefined) throw new UncoupleError("unavailable", obstacle);
  } catch (error) {
    await opened.close();
    throw error;
  }

  const common = { connection, log, maxModelBytes, retryLimitMs };
  const neighbor = createNeighbors(common);
  const stores = createStores({ ...common, pipeline }, collectable, neighbor);
  const { announcements, models, aliases, retention, quarantines } = stores;
  const verdicts = createJetStreamOnceLog<Verdict>(connection, log, names.verdicts, readers.verdict, retryLimitMs);
  // Whoever may delete verdicts could hide them: in a restricted account, only operators compact.
  const compaction =
    collectable && !connection.restricted
      ? createJetStreamCompaction({
          ...{ connection, log, names, retention, verdicts, quarantines, retryLimitMs },
          aliasChanges: aliases.read,
          ends: () => Promise.all([retention.end(), aliases.end()]),
        })
      : createAbsentCompaction();
  const leases = createJetStreamLeases(connection, log, names.leases);
  const queues = new Map<string, WorkQueue>();

  const sweepOrphans: JetStreamBackplane["sweepOrphans"] = async (olderThanMs, { dryRun } = { dryRun: false }) => {
    if (connection.restricted && !dryRun) {
      throw new UncoupleError(
        "failed-precondition",
        `the account at ${connection.server} may not remove uploads of others; use the operator's key`,
      );
    }
    const announced = async () => {
      await announcements.log.sync();
      return announcements.objects();
    };
    const found = await models.sweep(olderThanMs, announced, !dryRun);
    if (found.length > 0 && !dryRun)
      log("info", `removed ${found.length} unfinished uploads from ${names.models.bucket}`);
    return found;
  };
  const tidyUp = async () => {
    try {
      await sweepOrphans(ORPHAN_AGE_MS);
    } catch (error) {
      if (connection.closed.aborted) return;
      log("info", `unfinished uploads were not looked for: ${asUncoupleError(error).message}`);
    }
  };
  // A restricted account cannot remove anything.
  if (create && !connection.restricted) void tidyUp();

  let closed: Promise<void> | undefined;
  const close = async () => {
    if (connection.state() === "connected") await leases.close();
    await connection.close();
  };

  return {
    registry: stores.registry,
    pipelines: stores.pipelines,
    generations: stores.generations,
    ledger: stores.ledger,
    verdicts,
    quarantines,
    retention,
    compaction,
    leases,
    neighbor,
    workQueue(group) {
      checkName("worker group", group);
      const queue =
        queues.get(group) ??
        createJetStreamWorkQueue(connection, log, names.snapshots, group, announcements, retryLimitMs);
      queues.set(group, queue);
      return queue;
    },
    usage: () => storeUsage(connection, names),
    clockOffset: () => clockOffset(connection, names),
    connection: connection.state,
    close() {
      closed ??= close();
      return closed;
    },
    sweepOrphans,
  };
}
