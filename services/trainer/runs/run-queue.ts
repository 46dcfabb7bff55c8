import { randomBytes } from "node:crypto";
import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { Logger } from "../../runtime/logs.ts";
import { noTracing, type Tracer } from "../../runtime/tracing/tracer.ts";
import type { RunStore } from "./run-store.ts";
import { type NewRun, newStoredRun, type StoredRun } from "./stored-run.ts";

/** A run in progress. */
export interface RunJob {
  stored(): StoredRun;
  /** W3C trace context of this execution. */
  readonly traceparent: string | undefined;
  /** Aborts when the run is cancelled or the trainer stops. */
  readonly signal: AbortSignal;
  /** Aborts when the trainer stops. */
  readonly stopping: AbortSignal;
  /** Updates the run for watchers only. */
  show(change: Partial<Run>): void;
  /** Updates the run for watchers and on disk; durable when it returns. */
  record(change: Partial<Omit<StoredRun, "run" | "version" | "sequence">>, run?: Partial<Run>): Promise<void>;
}

/**
 * Executes a run, from where it was interrupted, until its snapshot is published.
 * @throws UncoupleError the reason the run failed; any error once the job's signal has aborted
 */
export type ExecuteRun = (job: RunJob) => Promise<SnapshotManifest>;

export interface RunQueueSettings {
  readonly component: string;
  /** Maximum number of queued runs, not counting the one in progress. */
  readonly capacity: number;
  /** Number of ended runs to keep. */
  readonly retained: number;
}

export interface RunQueueDeps {
  readonly store: RunStore;
  readonly execute: ExecuteRun;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with the runs that the state folder has at the start. */
  onRestored?(runs: readonly StoredRun[]): void;
  /** Called for each run that has ended. */
  onEnd?(stored: StoredRun): void;
}

/** A bounded queue that executes one run at a time, in order of arrival. */
export interface RunQueue {
  /** Restores the runs that were unfinished when the trainer last stopped, and starts accepting runs. */
  start(): Promise<void>;
  /**
   * Queues a run; it is durable when this returns.
   * @throws UncoupleError `resource-exhausted` when the queue is full, `failed-precondition` when it is not running
   */
  submit(request: NewRun): Promise<Run>;
  /** @throws UncoupleError `not-found`, `failed-precondition` when the run has already succeeded or failed */
  cancel(id: string): Promise<Run>;
  /** Newest first. */
  runs(): readonly StoredRun[];
  /** @throws UncoupleError `not-found` */
  get(id: string): StoredRun;
  /** As `TrainerService.watchRun`. */
  watch(id: string, signal: AbortSignal): AsyncIterable<Run>;
  /** The run in progress. */
  active(): StoredRun | undefined;
  /** Number of queued runs. */
  queued(): number;
  /** Maximum number of queued runs. */
  readonly capacity: number;
  /** Notifies when a run is queued, starts or ends. */
  readonly changed: Notifier;
  /** Stops accepting runs and interrupts the one in progress, to be resumed after a restart. */
  stop(): Promise<void>;
}

interface Entry {
  stored: StoredRun;
  readonly updated: Notifier;
  readonly cancelled: AbortController;
}

/** Creates the queue of one component. Runs are durable in `store` before they become visible. */
export function createRunQueue(settings: RunQueueSettings, deps: RunQueueDeps): RunQueue {
  const { component, capacity, retained } = settings;
  const { store, tracer = noTracing, clock, log } = deps;
  const entries = new Map<string, Entry>();
  const waiting: Entry[] = [];
  const changed = createNotifier();
  const stopping = new AbortController();
  let active: Entry | undefined;
  let sequence = 0;
  let arriving = 0;
  /** Serializes arrivals, so that none overtakes another. */
  let arrivals: Promise<void> = Promise.resolve();
  let started = false;
  let working: Promise<void> = Promise.resolve();

  function addEntry(stored: StoredRun): Entry {
    const entry: Entry = { stored, updated: createNotifier(), cancelled: new AbortController() };
    entries.set(stored.run.id, entry);
    sequence = Math.max(sequence, stored.sequence);
    return entry;
  }

  function change(entry: Entry, stored: Partial<StoredRun>, run: Partial<Run> = {}): void {
    entry.stored = { ...entry.stored, ...stored, run: { ...entry.stored.run, ...run } };
    entry.updated.notify();
  }

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry !== undefined) return entry;
    const known = entries.size === 0 ? "it has no runs yet" : "list the runs to see those that are kept";
    throw new UncoupleError("not-found", `${component} has no run ${JSON.stringify(id.slice(0, 80))}; ${known}`);
  }

  /** Notifies watchers once the end of the run is on disk, or has failed to be written. */
  async function end(entry: Entry, run: Partial<Run> & Pick<Run, "state">): Promise<void> {
    const { id } = entry.stored.run;
    const finishedAt = timestamp(clock);
    // Synchronously and without notifying: from here on, nothing else changes the record.
    entry.stored = {
      ...entry.stored,
      run: { ...entry.stored.run, ...run, etaSeconds: null, waitingFor: null, finishedAt },
    };
    deps.onEnd?.(entry.stored);
    try {
      await store.save(entry.stored);
      await store.removeCheckpoints(id);
      await deleteOldest();
    } catch (error) {
      log.error({ run: id, error }, `cannot write the end of run ${id}: ${asUncoupleError(error).message}`);
    }
    entry.updated.notify();
    changed.notify();
  }

  async function deleteOldest(): Promise<void> {
    const ended = [...entries.values()].filter(({ stored }) => hasEnded(stored.run));
    ended.sort((a, b) => a.stored.sequence - b.stored.sequence);
    for (const { stored } of ended.slice(0, Math.max(0, ended.length - retained))) {
      entries.delete(stored.run.id);
      await store.remove(stored.run.id);
    }
  }

  async function execute(entry: Entry): Promise<void> {
    const { id, trigger } = entry.stored.run;
    const signal = AbortSignal.any([entry.cancelled.signal, stopping.signal]);
    const span = tracer.start("run", {
      kind: "server",
      parent: entry.stored.traceparent,
      attributes: { "uncouple.component": component, "uncouple.run": id, "uncouple.trigger": trigger },
    });
    const job: RunJob = {
      stored: () => entry.stored,
      traceparent: span.traceparent,
      signal,
      stopping: stopping.signal,
      show: (run) => change(entry, {}, run),
      record: (stored, run) => {
        change(entry, stored, run);
        return store.save(entry.stored);
      },
    };
    try {
      const manifest = await deps.execute(job);
      span.set({ "uncouple.snapshot": snapshotName(manifest) });
      span.end();
      log.info({ run: id, snapshot: snapshotName(manifest) }, `run ${id} succeeded: ${snapshotName(manifest)}`);
      await end(entry, { state: "succeeded", snapshot: manifest.serial });
    } catch (thrown) {
      const error = asUncoupleError(thrown);
      span.end(error);
      if (entry.cancelled.signal.aborted) {
        log.info({ run: id }, `run ${id} was cancelled`);
        await end(entry, { state: "cancelled" });
      } else if (stopping.signal.aborted) {
        log.info({ run: id, step: entry.stored.run.step }, `run ${id} was interrupted and will resume after a restart`);
      } else {
        log.error({ run: id, error }, `run ${id} failed: ${error.message}`);
        await end(entry, { state: "failed", error: { code: error.code, message: error.message } });
      }
    }
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const seen = changed.count;
      active = waiting.shift();
      if (active === undefined) {
        await changed.waitBeyond(seen, stopping.signal);
        continue;
      }
      changed.notify();
      await execute(active);
      active = undefined;
      changed.notify();
    }
  }

  return {
    changed,
    capacity,
    async start() {
      const restored = await store.load();
      deps.onRestored?.(restored);
      for (const stored of restored) {
        const entry = addEntry(stored);
        if (hasEnded(stored.run)) continue;
        if (stored.cancelRequested) entry.cancelled.abort();
        waiting.push(entry);
        log.info(
          { run: stored.run.id, state: stored.run.state },
          `restored run ${stored.run.id} (${stored.run.state})`,
        );
      }
      started = true;
      working = work();
    },
    async submit(request) {
      if (!started || stopping.signal.aborted) {
        const why = started ? "stopping" : "starting";
        throw new UncoupleError(
          "failed-precondition",
          `the trainer of ${component} is ${why} and does not accept runs`,
        );
      }
      const queued = waiting.length + arriving;
      if (queued >= capacity) {
        throw new UncoupleError(
          "resource-exhausted",
          `the queue of ${component} is full: ${queued} runs waiting (the maximum); wait for one to start, or cancel one`,
        );
      }
      const now = timestamp(clock);
      sequence += 1;
      const stored = newStoredRun(runId(now), sequence, request, now);
      // Reserves the place before waiting for the disk, so that the capacity holds under contention.
      arriving += 1;
      const arrival = arrivals.then(async () => {
        try {
          await store.save(stored);
          waiting.push(addEntry(stored));
        } finally {
          arriving -= 1;
        }
      });
      arrivals = arrival.catch(() => {});
      await arrival;
      log.info({ run: stored.run.id, trigger: request.trigger }, `queued run ${stored.run.id}`);
      changed.notify();
      return stored.run;
    },
    async cancel(id) {
      const entry = find(id);
      const { run } = entry.stored;
      if (run.state === "cancelled") return run;
      if (hasEnded(run)) {
        const how = run.snapshot === null ? run.state : `succeeded and published ${component}@${run.snapshot}`;
        throw new UncoupleError("failed-precondition", `run ${id} has already ${how} and cannot be cancelled`);
      }
      const place = waiting.indexOf(entry);
      if (place >= 0 && run.state === "queued") {
        waiting.splice(place, 1);
        entry.cancelled.abort();
        log.info({ run: id }, `run ${id} was cancelled while queued`);
        await end(entry, { state: "cancelled" });
      } else {
        change(entry, { cancelRequested: true });
        try {
          await store.save(entry.stored);
        } finally {
          // Even if the record cannot be written: a full disk must not keep a cancelled run going.
          entry.cancelled.abort(new UncoupleError("cancelled", `run ${id} was cancelled`));
        }
      }
      return entry.stored.run;
    },
    runs: () => [...entries.values()].map(({ stored }) => stored).sort((a, b) => b.sequence - a.sequence),
    get: (id) => find(id).stored,
    async *watch(id, signal) {
      const entry = find(id);
      const end = AbortSignal.any([signal, stopping.signal]);
      let shown: Run | undefined;
      while (!signal.aborted) {
        const seen = entry.updated.count;
        const { run } = entry.stored;
        if (run !== shown) {
          shown = run;
          yield run;
          if (hasEnded(run)) return;
        } else if (stopping.signal.aborted) {
          throw new UncoupleError(
            "unavailable",
            `the trainer of ${component} is stopping; run ${id} will resume after a restart`,
          );
        }
        if (entry.stored.run === shown) await entry.updated.waitBeyond(seen, end);
      }
    },
    active: () => active?.stored,
    queued: () => waiting.length + arriving,
    async stop() {
      stopping.abort(new UncoupleError("cancelled", `the trainer of ${component} is stopping`));
      // A run that is still arriving executes after a restart: finish writing its record before the next process starts.
      await Promise.all([arrivals, working]);
    },
  };
}

/** A timestamp, so that ids sort by time, plus a random suffix. */
function runId(now: string): string {
  const time = now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return `${time}-${randomBytes(3).toString("hex")}`;
}
