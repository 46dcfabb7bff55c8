import type { ConnectionState } from "../common/connection-state.ts";
import type { Logged, Quarantine, Verdict } from "../pipeline/verdict.ts";
import type { Announcement, Registry } from "./registry.ts";

/** An append-only log in which a (component, serial) stands at most once. */
export interface WriteOnceLog<T extends { readonly component: string; readonly serial: number }> {
  /** @returns false if that (component, serial) stands in the log already; then nothing is appended */
  append(value: T): Promise<boolean>;
  get(component: string, serial: number): Promise<T | undefined>;
  list(): Promise<readonly T[]>;
  /** From a position on, itself included (0: all), then as they are appended, until the signal aborts. */
  watch(from: number, signal: AbortSignal): AsyncIterable<Logged<T>>;
}

/** One announcement to be judged, held by this process until `done`, `retry` or its death. */
export interface WorkItem {
  readonly announcement: Announcement;
  /** 1 on the first delivery. */
  readonly delivery: number;
  /** Confirmed: after it returns the item is never delivered again. */
  done(): Promise<void>;
  /** Gives it back, to be delivered again to any worker after a delay that grows. */
  retry(): Promise<void>;
}

/**
 * The announcements of a pipeline, shared by any number of workers that use the same group name: each item is held by
 * one worker at a time, stays held while that worker lives (heartbeats are the implementation's business), and comes
 * back when it dies. Delivery is at least once.
 */
export interface WorkQueue {
  /**
   * Items one at a time, until the signal aborts; an item that is held at that moment may still be finished. Leaving
   * the loop in any other way (break, throw) gives back what it holds.
   */
  items(signal: AbortSignal): AsyncIterable<WorkItem>;
  /** Announcements that nobody has finished. */
  pending(): Promise<number>;
}

/** Held until `release`, the end of the process, or loss (then `lost` aborts). */
export interface Lease {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Leases {
  /**
   * Waits for a lease. It survives a dead holder: one that stops renewing loses it within `ttlSeconds` (the
   * implementation's constant).
   * @param holder for people: who holds it
   * @throws UncoupleError `cancelled` when the signal aborts first
   */
  acquire(name: string, holder: string, signal: AbortSignal): Promise<Lease>;
  /** Who holds it now. A holder that died is still named until somebody else takes the lease. */
  holder(name: string): Promise<string | undefined>;
}

/** Everything that the services of one pipeline share. */
export interface Backplane {
  readonly registry: Registry;
  readonly verdicts: WriteOnceLog<Verdict>;
  readonly quarantines: WriteOnceLog<Quarantine>;
  readonly leases: Leases;
  /** The announcements as a shared queue; `group` names the workers that share it. */
  workQueue(group: string): WorkQueue;
  connection(): ConnectionState;
  /** Ends its watches and work queues, gives its leases back, flushes, closes. Safe to call again. */
  close(): Promise<void>;
}
