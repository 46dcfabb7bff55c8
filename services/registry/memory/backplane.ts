import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../pipeline/verdict.ts";
import type { Backplane, WorkQueue } from "../backplane.ts";
import { checkName } from "../names.ts";
import type { AliasChange } from "../registry.ts";
import { type CompactionSources, describeRemovals, findRemovals } from "../removals.ts";
import { createMemoryGenerationLog } from "./generation-log.ts";
import { createMemoryLeases } from "./leases.ts";
import { createMemoryLedger } from "./ledger.ts";
import { createMemoryLog } from "./log.ts";
import { createMemoryPipelineLog } from "./pipeline-log.ts";
import { createMemoryRegistry } from "./registry.ts";
import { createMemoryRetention } from "./retention.ts";
import { createMemoryWorkQueue } from "./work-queue.ts";
import { createMemoryOnceLog } from "./write-once-log.ts";

export interface MemoryOptions {
  readonly clock: Clock;
  /** The other pipelines of the store by name, as they are when one is opened; defaults to none. */
  readonly neighbors?: ReadonlyMap<string, Backplane>;
}

/**
 * Creates a backplane for services that share this object in one process. It keeps every guarantee of the ports, and
 * nothing outlives the process; its creator closes it. All delays use the clock.
 */
export function createMemoryBackplane(pipeline: string, { clock, neighbors = new Map() }: MemoryOptions): Backplane {
  checkName("pipeline", pipeline);
  const closing = new AbortController();
  const announcements = createMemoryLog<SnapshotManifest>(closing.signal);
  /** By `component@serial`. */
  const models = new Map<string, Uint8Array>();
  const retention = createMemoryRetention(models, clock, closing.signal);
  const aliasChanges = createMemoryLog<AliasChange>(closing.signal);
  const verdicts = createMemoryLog<Verdict>(closing.signal);
  const quarantines = createMemoryLog<Quarantine>(closing.signal);
  const queues = new Map<string, WorkQueue>();
  const sources: CompactionSources = { retention, verdicts, quarantines, aliasChanges: () => aliasChanges.read(0) };
  const neighbor: Backplane["neighbor"] = async (name) => {
    const found = neighbors.get(name);
    if (found !== undefined) return found;
    throw new UncoupleError("not-found", `the store has no pipeline "${name}"`);
  };
  return {
    registry: createMemoryRegistry({ pipeline, announcements, aliasChanges, models, retention, neighbor, clock }),
    pipelines: createMemoryPipelineLog(pipeline, clock, closing.signal),
    generations: createMemoryGenerationLog(closing.signal),
    ledger: createMemoryLedger(pipeline, closing.signal),
    verdicts: createMemoryOnceLog<Verdict>(verdicts),
    quarantines: createMemoryOnceLog<Quarantine>(quarantines),
    retention,
    compaction: {
      find: async (rollbacks, deleted) => describeRemovals(await findRemovals(sources, rollbacks, deleted)),
      async compact(rollbacks, signal) {
        const removals = await findRemovals(sources, rollbacks);
        signal.throwIfAborted();
        for (const position of removals.verdicts.positions) verdicts.remove(position);
        for (const position of removals.quarantines.positions) quarantines.remove(position);
        for (const position of removals.aliases.positions) aliasChanges.remove(position);
        return describeRemovals(removals);
      },
      resume: async () => {},
    },
    leases: createMemoryLeases(closing.signal),
    neighbor,
    workQueue(group) {
      checkName("worker group", group);
      const queue = queues.get(group) ?? createMemoryWorkQueue(announcements, clock, closing.signal);
      queues.set(group, queue);
      return queue;
    },
    async usage() {
      const used = [...models.values()].reduce((sum, bytes) => sum + bytes.length, 0);
      return { models: { used, limit: null }, logs: {}, server: { used, limit: null }, copiesBehind: 0 };
    },
    clockOffset: async () => 0,
    connection: () => (closing.signal.aborted ? "closed" : "connected"),
    async close() {
      closing.abort();
    },
  };
}
