import type { ConnectionState } from "../common/connection-state.ts";
import { UncoupleError } from "../common/errors.ts";
import type { Logged, Quarantine, Verdict } from "../pipeline/verdict.ts";
import type { Compaction } from "./compaction.ts";
import type { GenerationLog } from "./generation-log.ts";
import type { Ledger } from "./ledger.ts";
import type { PipelineLog } from "./pipeline-log.ts";
import type { Announcement, Registry } from "./registry.ts";
import type { Retention } from "./retention.ts";
import type { StoreUsage } from "./usage.ts";

/**
 * A log with at most one entry per (component, serial). Entries of deleted snapshots can be removed (`compaction.ts`); a
 * removed entry is as if it had never been appended, except that its position is not used again, and that a watch of a process
 * that has it in memory may still yield it. `append` may accept another entry for such a snapshot: check for a tombstone first.
 */
export interface WriteOnceLog<T extends { readonly component: string; readonly serial: number }> {
  /**
   * @param traceparent W3C trace context, as a header of the message where the backplane has messages
   * @returns false, without appending, if the log already has an entry for that (component, serial)
   */
  append(value: T, traceparent?: string): Promise<boolean>;
  get(component: string, serial: number): Promise<T | undefined>;
  list(): Promise<readonly T[]>;
  /** The position of the newest entry, 0 for none. */
  end(): Promise<number>;
  /** Yields the entries from a position on, inclusive (0: all), that the log has at the time of the call. */
  read(from: number): AsyncIterable<Logged<T>>;
  /** Yields entries from a position on, inclusive (0: all), then new ones as they are appended, until the signal aborts. */
  watch(from: number, signal: AbortSignal): AsyncIterable<Logged<T>>;
}

/** One announcement to judge, held by this process until `done`, `retry`, or the process dies. */
export interface WorkItem {
  readonly announcement: Announcement;
  /** 1 on the first delivery. */
  readonly delivery: number;
  /** W3C trace context of the announcement, if its publisher and the backplane have one; not validated. */
  readonly traceparent?: string | undefined;
  /** Acknowledges the item. Once it resolves, the item is never redelivered. */
  done(): Promise<void>;
  /** Returns the item to the queue, to be redelivered to any worker after a growing delay. */
  retry(): Promise<void>;
}

/**
 * The announcements of a pipeline, shared by the workers of a group. Each item is held by one worker at a time for as long
 * as that worker lives (implementations send heartbeats), and is redelivered if it dies. Delivery is at least once.
 */
export interface WorkQueue {
  /**
   * Yields one item at a time until the signal aborts; an item held at that moment can still be finished. Leaving the loop
   * in any other way (break, throw) returns held items to the queue.
   */
  items(signal: AbortSignal): AsyncIterable<WorkItem>;
  /** Number of unfinished announcements. */
  pending(): Promise<number>;
}

/** The group whose queue all evaluators of a pipeline share. */
export const EVALUATOR_GROUP = "evaluator";

/** Held until `release`, process exit, or loss (`lost` aborts). */
export interface Lease {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Leases {
  /**
   * Waits for a lease. A holder that stops renewing loses it within `ttlSeconds`, a constant of the implementation.
   * @param holder human-readable name of the holder
   * @throws UncoupleError `cancelled` if the signal aborts first
   */
  acquire(name: string, holder: string, signal: AbortSignal): Promise<Lease>;
  /**
   * As `acquire`, but waits for dead holders only.
   * @throws UncoupleError `conflict` once another holder has shown that it is alive, by renewing the lease
   */
  claim(name: string, holder: string, signal: AbortSignal): Promise<Lease>;
  /** The current holder. A dead holder is still reported until another one takes the lease. */
  holder(name: string): Promise<string | undefined>;
}

/** The error of a claim on a lease that a living process holds. */
export function heldByAnother(name: string, holder: string): UncoupleError {
  return new UncoupleError("conflict", `the lease ${name} is held by ${holder}`);
}

/** What one pipeline needs of another one in the same store: it reads there, and refers to snapshots. */
export type Neighbor = Pick<Backplane, "registry" | "pipelines" | "ledger" | "quarantines" | "retention">;

/** Everything shared by the services of one pipeline. */
export interface Backplane {
  readonly registry: Registry;
  readonly pipelines: PipelineLog;
  readonly generations: GenerationLog;
  readonly ledger: Ledger;
  readonly verdicts: WriteOnceLog<Verdict>;
  readonly quarantines: WriteOnceLog<Quarantine>;
  readonly retention: Retention;
  readonly compaction: Compaction;
  readonly leases: Leases;
  /**
   * Opens another pipeline of the same store, which stays open as long as this backplane.
   * @throws UncoupleError `not-found` if the store does not have it
   */
  neighbor(pipeline: string): Promise<Neighbor>;
  /** Returns the announcements as a queue shared by the workers of a group. */
  workQueue(group: string): WorkQueue;
  /** Measures how full the storage is. */
  usage(): Promise<StoreUsage>;
  /** Seconds by which this process's clock is ahead of the backplane's; undefined if the backplane does not tell its time. */
  clockOffset(): Promise<number | undefined>;
  connection(): ConnectionState;
  /** Ends watches and work queues, releases leases, flushes, and closes. Idempotent. */
  close(): Promise<void>;
}
