import type { SnapshotId } from "../../pipeline/manifest.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { WriteOnceLog } from "../../registry/backplane.ts";
import type { MlflowClient } from "../../tracking/mlflow-client.ts";

/** Entries in work at a time. */
const PARALLEL = 32;

export interface FollowLogDeps<T extends SnapshotId> {
  readonly log: Pick<WriteOnceLog<T>, "end" | "watch">;
  /** Name of the experiment. */
  readonly experiment: string;
  /** The tag of the experiment that says up to which position of the log it has the entries. */
  readonly positionTag: string;
  readonly client: Pick<MlflowClient, "experiment" | "setExperimentTag">;
  /** Repeats work through outages. */
  persist<R>(work: () => Promise<R>): Promise<R>;
  /** Logs an entry. @param experiment its id */
  take(value: T, experiment: string): Promise<void>;
}

/**
 * Logs the entries of a log, several at a time, until the signal aborts. The server knows how far it has come, so a kill or an
 * outage loses nothing.
 * @param begin the position after which an experiment that has none gets the entries
 * @throws what `persist` and `take` throw; the signal's reason
 */
export async function followLog<T extends SnapshotId>(
  deps: FollowLogDeps<T>,
  begin: number,
  signal: AbortSignal,
): Promise<void> {
  const { log, client, persist, positionTag } = deps;
  const experiment = await persist(() => client.experiment(deps.experiment, signal));
  const known = Number(experiment.tags[positionTag] ?? Number.NaN);
  // A position beyond the end is of a store that was replaced.
  const isKnown = known <= (await log.end());
  let saved = isKnown ? known : -1;
  /** Positions in work. */
  const open = new Map<number, Promise<void>>();
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  let last = isKnown ? known : begin;

  // One at a time: a server may fulfill a later request sooner, and the position would go back.
  let saving = Promise.resolve();
  function save(): Promise<void> {
    saving = saving.then(async () => {
      const position = open.size === 0 ? last : Math.min(...open.keys()) - 1;
      if (position <= saved) return;
      await persist(() => client.setExperimentTag(experiment.id, positionTag, String(position), signal));
      saved = position;
    });
    return saving;
  }

  async function settle({ position, value }: Logged<T>): Promise<void> {
    await deps.take(value, experiment.id);
    open.delete(position);
    await save();
  }

  // From now on, a kill loses nothing.
  await save();
  for await (const logged of log.watch(last + 1, until)) {
    last = logged.position;
    const settled = settle(logged).catch((thrown: unknown) => failed.abort(thrown));
    open.set(logged.position, settled);
    while (open.size >= PARALLEL && !until.aborted) await Promise.race(open.values());
  }
  until.throwIfAborted();
}
