import { UncoupleError } from "../../common/errors.ts";
import type { Quarantine } from "../../pipeline/verdict.ts";
import type { Neighbor } from "../backplane.ts";
import type { OpenNeighbor } from "../linked-model.ts";
import { checkName } from "../names.ts";
import { type Aliases, createAliases } from "./aliases.ts";
import { type Announcements, createAnnouncements } from "./announcements.ts";
import { readers } from "./codec.ts";
import { createJetStreamLedger } from "./ledger.ts";
import { createModelStore, type ModelStore } from "./model-store.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createJetStreamPipelineLogs } from "./pipeline-log.ts";
import { createJetStreamRegistry } from "./registry.ts";
import { createAbsentRetention, createJetStreamRetention } from "./retention.ts";
import { findStreams, hasTombstones, type Names, namesOf, restoringReason } from "./streams.ts";
import { createJetStreamOnceLog } from "./write-once-log.ts";

export interface StoresOptions {
  readonly connection: NatsConnection;
  readonly log: EventLogger;
  readonly pipeline: string;
  readonly maxModelBytes: number;
  readonly retryLimitMs: number;
}

/** What several pipelines have in a store, and one backplane may open of each. */
export interface Stores extends Neighbor, ReturnType<typeof createJetStreamPipelineLogs> {
  readonly names: Names;
  readonly announcements: Announcements;
  readonly models: ModelStore;
  readonly aliases: Aliases;
}

/** @param collectable whether a service has created the log of tombstones; @param neighbor opens other pipelines */
export function createStores(options: StoresOptions, collectable: boolean, neighbor: OpenNeighbor): Stores {
  const { connection, log, pipeline, maxModelBytes, retryLimitMs } = options;
  const names = namesOf(pipeline);
  const announcements = createAnnouncements(connection, log, names.snapshots);
  const models = createModelStore(connection, names.models, retryLimitMs);
  const aliases = createAliases(connection, log, names.aliases, retryLimitMs);
  const retention = collectable
    ? createJetStreamRetention({ connection, log, names: names.tombstones, announcements, models, retryLimitMs })
    : createAbsentRetention(pipeline);
  const shared = { connection, pipeline, announcements, models, aliases, retention, neighbor, maxModelBytes };
  return {
    names,
    announcements,
    models,
    aliases,
    retention,
    registry: createJetStreamRegistry({ ...shared, retryLimitMs }),
    ...createJetStreamPipelineLogs(connection, log, names.pipelines, pipeline, retryLimitMs),
    ledger: createJetStreamLedger(connection, log, names.releases, pipeline, retryLimitMs),
    quarantines: createJetStreamOnceLog<Quarantine>(
      connection,
      log,
      names.quarantines,
      readers.quarantine,
      retryLimitMs,
    ),
  };
}

/** Opens other pipelines over the connection of one, each once. Changes nothing on the server. */
export function createNeighbors(options: Omit<StoresOptions, "pipeline">): OpenNeighbor {
  const { connection } = options;
  const opened = new Map<string, Promise<Neighbor>>();
  const open = async (pipeline: string): Promise<Neighbor> => {
    checkName("pipeline", pipeline);
    const names = namesOf(pipeline);
    await findStreams(connection, names, pipeline);
    const restoring = await restoringReason(connection, names);
    if (restoring !== undefined) throw new UncoupleError("unavailable", restoring);
    return createStores({ ...options, pipeline }, await hasTombstones(connection, names), neighbor);
  };
  const neighbor: OpenNeighbor = (pipeline) => {
    const before = opened.get(pipeline);
    if (before !== undefined) return before;
    const opening = open(pipeline);
    opened.set(pipeline, opening);
    // The next call tries again.
    opening.catch(() => opened.delete(pipeline));
    return opening;
  };
  return neighbor;
}
