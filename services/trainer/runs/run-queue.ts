import { randomBytes } from "node:crypto";
import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunStore } from "./run-store.ts";
import { type NewRun, newStoredRun, type StoredRun } from "./stored-run.ts";

/** A run while it is carried out. */
export interface RunJob {
  stored(): StoredRun;
  /** Aborts when somebody cancels the run, and when the trainer stops. */
  readonly signal: AbortSignal;
  /** Aborts when the trainer stops. */
  readonly stopping: AbortSignal;
  /** Changes what watchers see. */
  show(change: Partial<Run>): void;
  /** Changes what watchers see and what is remembered; safe on disk when it returns. */
  record(change: Partial<Omit<StoredRun, "run" | "version" | "sequence">>, run?: Partial<Run>): Promise<void>;
}

/**
 * Carries out a run from wherever it was left, up to its snapshot.
 * @throws UncoupleError why it failed; anything when the job's signal aborts
 */
export type ExecuteRun = (job: RunJob) => Promise<SnapshotManifest>;

export interface RunQueueSettings {
  readonly component: string;
  /** Runs that may wait, beside the one in progress. */
  readonly capacity: number;
  /** Ended runs that are remembered. */
  readonly retained: number;
}

export interface RunQueueDeps {
  readonly store: RunStore;
  readonly execute: ExecuteRun;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every run that has ended. */
  onEnd?(run: Run): void;
}

/** One run at a time, in order of arrival; what waits is bounded. */
export interface RunQueue {
  /** Goes on with what the last life of the trainer left, and takes runs from now on. */
  start(): Promise<void>;
  /**
   * The run is safe on disk when this returns.
   * @throws UncoupleError `resource-exhausted` when the queue is full, `failed-precondition` when it is not running
   */
  submit(request: NewRun): Promise<Run>;
  /** @throws UncoupleError `not-found`, `failed-precondition` when the run has ended, other than by a cancel */
  cancel(id: string): Promise<Run>;
  /** Newest first. */
  runs(): readonly StoredRun[];
  /** @throws UncoupleError `not-found` */
  get(id: string): StoredRun;
  /** As `TrainerService.watchRun`. */
  watch(id: string, signal: AbortSignal): AsyncIterable<Run>;
  /** The run in progress. */
  active(): StoredRun | undefined;
  /** Runs that wait. */
  queued(): number;
  /** Runs that may wait. */
  readonly capacity: number;
  /** Rings when a run is queued, begins or ends. */
  readonly changed: Notifier;
  /** Takes no more runs and interrupts the one in progress, which goes on in the next life. */
  stop(): Promise<void>;
}

interface Entry {
  stored: StoredRun;
  readonly bell: Notifier;
  readonly cancelled: AbortController;
}

/** The queue of one component. Runs are safe in `store` before anyone hears of them; `execute` has one at a time. */
export function createRunQueue(settings: RunQueueSettings, deps: RunQueueDeps): RunQueue {
  const { component, capacity, retained } = settings;
  const { store, clock, log } = deps;
  const entries = new Map<string, Entry>();
  const waiting: Entry[] = [];
  const changed = createNotifier();
  const stopping = new AbortController();
  let active: Entry | undefined;
  let sequence = 0;
  let arriving = 0;
  /** One arrival after the other, so that none overtakes another. */
  let arrivals: Promise<void> = Promise.resolve();
  let started = false;
  let working: Promise<void> = Promise.resolve();

  function enter(stored: StoredRun): Entry {
    const entry: Entry = { stored, bell: createNotifier(), cancelled: new AbortController() };
    entries.set(stored.run.id, entry);
    sequence = Math.max(sequence, stored.sequence);
    return entry;
  }

  function change(entry: Entry, stored: Partial<StoredRun>, run: Partial<Run> = {}): void {
    entry.stored = { ...entry.stored, ...stored, run: { ...entry.stored.run, ...run } };
    entry.bell.ring();
  }

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry !== undefined) return entry;
    const known = entries.size === 0 ? "there are none yet" : "list the runs to see those that are remembered";
    throw new UncoupleError("not-found", `${component} has no run ${JSON.stringify(id.slice(0, 80))}; ${known}`);
  }

  /** Watchers hear of an end that is safe on disk, or, when it cannot be written, all the same. */
  async function end(entry: Entry, run: Partial<Run> & Pick<Run, "state">): Promise<void> {
    const { id } = entry.stored.run;
    const finishedAt = timestamp(clock);
    // At once and without ringing: from here on nothing else changes the record.
    entry.stored = { ...entry.stored, run: { ...entry.stored.run, ...run, etaSeconds: null, finishedAt } };
    deps.onEnd?.(entry.stored.run);
    try {
      await store.save(entry.stored);
      await store.removeCheckpoints(id);
      await forgetOldest();
    } catch (error) {
      log.error({ run: id, error }, `the end of run ${id} could not be written: ${asUncoupleError(error).message}`);
    }
    entry.bell.ring();
    changed.ring();
  }

  async function forgetOldest(): Promise<void> {
    const ended = [...entries.values()].filter(({ stored }) => hasEnded(stored.run));
    ended.sort((a, b) => a.stored.sequence - b.stored.sequence);
    for (const { stored } of ended.slice(0, Math.max(0, ended.length - retained))) {
      entries.delete(stored.run.id);
      await store.remove(stored.run.id);
    }
  }

  async function carryOut(entry: Entry): Promise<void> {
    const { id } = entry.stored.run;
    const signal = AbortSignal.any([entry.cancelled.signal, stopping.signal]);
    const job: RunJob = {
      stored: () => entry.stored,
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
      log.info({ run: id, snapshot: snapshotName(manifest) }, `run ${id} succeeded: ${snapshotName(manifest)}`);
      await end(entry, { state: "succeeded", snapshot: manifest.serial });
    } catch (thrown) {
      const error = asUncoupleError(thrown);
      if (entry.cancelled.signal.aborted) {
        log.info({ run: id }, `run ${id} was cancelled`);
        await end(entry, { state: "cancelled" });
      } else if (stopping.signal.aborted) {
        log.info({ run: id, step: entry.stored.run.step }, `run ${id} is interrupted and goes on after a restart`);
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
      changed.ring();
      await carryOut(active);
      active = undefined;
      changed.ring();
    }
  }

  return {
    changed,
    capacity,
    async start() {
      for (const stored of await store.load()) {
        const entry = enter(stored);
        if (hasEnded(stored.run)) continue;
        if (stored.cancelRequested) entry.cancelled.abort();
        waiting.push(entry);
        log.info({ run: stored.run.id, state: stored.run.state }, `run ${stored.run.id} goes on`);
      }
      started = true;
      working = work();
    },
    async submit(request) {
      if (!started || stopping.signal.aborted) {
        const why = started ? "stopping" : "starting";
        throw new UncoupleError("failed-precondition", `the trainer of ${component} is ${why} and takes no runs now`);
      }
      const places = waiting.length + arriving;
      if (places >= capacity) {
        throw new UncoupleError(
          "resource-exhausted",
          `the queue of ${component} is full: ${places} runs wait, which is its capacity; wait for one to begin, or cancel one`,
        );
      }
      const now = timestamp(clock);
      sequence += 1;
      const stored = newStoredRun(runId(now), sequence, request, now);
      // The place is taken before the disk is waited for, so that the capacity holds under contention.
      arriving += 1;
      const turn = arrivals.then(async () => {
        try {
          await store.save(stored);
          waiting.push(enter(stored));
        } finally {
          arriving -= 1;
        }
      });
      arrivals = turn.catch(() => {});
      await turn;
      log.info({ run: stored.run.id, trigger: request.trigger }, `run ${stored.run.id} is queued`);
      changed.ring();
      return stored.run;
    },
    async cancel(id) {
      const entry = find(id);
      const { run } = entry.stored;
      if (run.state === "cancelled") return run;
      if (hasEnded(run)) {
        const how = run.snapshot === null ? run.state : `succeeded and published ${component}@${run.snapshot}`;
        throw new UncoupleError("failed-precondition", `run ${id} has ${how} already; it cannot be cancelled`);
      }
      const place = waiting.indexOf(entry);
      if (place >= 0 && run.state === "queued") {
        waiting.splice(place, 1);
        entry.cancelled.abort();
        log.info({ run: id }, `run ${id} was cancelled while it was queued`);
        await end(entry, { state: "cancelled" });
      } else {
        change(entry, { cancelRequested: true });
        try {
          await store.save(entry.stored);
        } finally {
          // Whatever becomes of the record: a full disk must not keep a run going.
          entry.cancelled.abort(new UncoupleError("cancelled", `run ${id} was cancelled`));
        }
      }
      return entry.stored.run;
    },
    runs: () => [...entries.values()].map(({ stored }) => stored).sort((a, b) => b.sequence - a.sequence),
    get: (id) => find(id).stored,
    async *watch(id, signal) {
      const entry = find(id);
      const over = AbortSignal.any([signal, stopping.signal]);
      let shown: Run | undefined;
      while (!signal.aborted) {
        const seen = entry.bell.count;
        const { run } = entry.stored;
        if (run !== shown) {
          shown = run;
          yield run;
          if (hasEnded(run)) return;
        } else if (stopping.signal.aborted) {
          throw new UncoupleError("unavailable", `the trainer of ${component} is stopping; run ${id} goes on after it`);
        }
        if (entry.stored.run === shown) await entry.bell.waitBeyond(seen, over);
      }
    },
    active: () => active?.stored,
    queued: () => waiting.length + arriving,
    async stop() {
      stopping.abort(new UncoupleError("cancelled", `the trainer of ${component} is stopping`));
      // A run whose arrival is being written belongs to the next life: it must be whole before another process looks.
      await Promise.all([arrivals, working]);
    },
  };
}

/** Sorts by time for people; what tells runs of one moment apart is random. */
function runId(now: string): string {
  const time = now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return `${time}-${randomBytes(3).toString("hex")}`;
}
