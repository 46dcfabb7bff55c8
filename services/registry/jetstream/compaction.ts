import { retry } from "../../common/async/retry.ts";
import { COMPACTED_LOGS, type CompactedLogName, type Compaction } from "../compaction.ts";
import { type CompactionSources, describeRemovals, findRemovals } from "../removals.ts";
import { JetStreamError } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { readMessage } from "./stream-api.ts";
import type { Names } from "./streams.ts";
import { deletableStream, resumeSuccession } from "./successor.ts";

/** Deletions that are under way at a time. */
const WINDOW = 64;

export interface JetStreamCompactionDeps extends CompactionSources {
  readonly connection: NatsConnection;
  readonly log: EventLogger;
  readonly names: Pick<Names, CompactedLogName>;
  readonly retryLimitMs: number;
  /** The positions of the newest tombstone and of the newest alias change: without new ones, nothing can be removed. */
  ends(): Promise<readonly number[]>;
}

export function createJetStreamCompaction(deps: JetStreamCompactionDeps): Compaction {
  const { connection, log } = deps;
  /** When there was nothing left to remove. */
  let settled: string | undefined;
  const succession = (name: CompactedLogName) => ({ connection, log, names: deps.names[name] });
  const remove = async (stream: string, position: number) => {
    try {
      await connection.api(`STREAM.MSG.DELETE.${stream}`, { seq: position, no_erase: true });
    } catch (error) {
      // Another process, or an attempt whose answer was lost, may have been first.
      if (!(error instanceof JetStreamError)) throw error;
      if ((await readMessage(connection, stream, { seq: position })) !== undefined) throw error;
    }
  };
  const resume = async (signal: AbortSignal) => {
    for (const name of COMPACTED_LOGS) await resumeSuccession(succession(name), signal);
  };
  return {
    find: async (rollbacks, deleted) => describeRemovals(await findRemovals(deps, rollbacks, deleted)),
    async compact(rollbacks, signal) {
      await resume(signal);
      const now = [rollbacks, ...(await deps.ends())].join();
      if (now === settled) return [];
      const removals = await findRemovals(deps, rollbacks);
      const compacted = describeRemovals(removals);
      for (const { log: name, removed, kept } of compacted) {
        const stream = await deletableStream(succession(name), signal);
        log("info", `${stream}: removing ${removed} of ${removed + kept} entries`);
        const { positions } = removals[name];
        for (let done = 0; done < positions.length; done += WINDOW) {
          signal.throwIfAborted();
          const retries = retryPolicy(connection, deps.retryLimitMs, signal);
          await Promise.all(
            positions.slice(done, done + WINDOW).map((position) => retry(retries, () => remove(stream, position))),
          );
        }
      }
      settled = now;
      return compacted;
    },
    resume,
  };
}

/** The compaction of a pipeline whose services have not created the log of tombstones yet: nothing can be removed. */
export function createAbsentCompaction(): Compaction {
  return { find: async () => [], compact: async () => [], resume: async () => {} };
}
