import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { Logger } from "./logs.ts";

/**
 * INITIALIZED -> RUNNING -> STOPPING -> DRAINING -> STOPPED, or FAILED.
 * - INITIALIZED: created; holds no resources yet.
 * - RUNNING: `start` has acquired all resources.
 * - STOPPING: a stop was requested; `stopping` is aborted, so that no new work is accepted.
 * - DRAINING: work in progress finishes within the grace period, then resources are released in reverse order.
 * - STOPPED: all resources were released without an error.
 * - FAILED: the start failed, `fail` was called, or some work or resource could not be finished or released.
 */
export type LifecycleState = "INITIALIZED" | "RUNNING" | "STOPPING" | "DRAINING" | "STOPPED" | "FAILED";

export interface LifecycleSettings {
  /** Name of the service in the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Grace period: how long work in progress may take to finish before its `force` signal aborts. */
  readonly graceSeconds: number;
  /** How long aborted work, and then each release, may take before it is abandoned. */
  readonly forceSeconds: number;
}

export interface Lifecycle {
  state(): LifecycleState;
  /** Aborts when a stop begins. */
  readonly stopping: AbortSignal;
  /**
   * Acquires all resources with `body`, which registers drains and cleanups on the way. If `body` throws, releases what
   * was acquired so far, enters FAILED and rethrows.
   * @throws UncoupleError `failed-precondition` if it was started before
   */
  start(body: () => Promise<void>): Promise<void>;
  /**
   * Registers work to finish before any resource is released. `force` aborts when the grace period expires. All drains
   * run concurrently.
   */
  onDrain(name: string, drain: (force: AbortSignal) => Promise<void>): void;
  /** Registers the release of a resource. Releases run in reverse order, each even if another one failed. */
  onCleanup(name: string, cleanup: () => Promise<void> | void): void;
  /** Stops because of an unrecoverable error and ends in FAILED. Does nothing if a stop is already in progress. */
  fail(thrown: unknown): void;
  /**
   * Stops; further calls return the same promise.
   * @throws UncoupleError the first failure, if it ends in FAILED
   */
  stop(): Promise<void>;
  /** Settles as `stop` does, whatever caused the stop. */
  readonly finished: Promise<void>;
}

export function createLifecycle(settings: LifecycleSettings): Lifecycle {
  const { name, clock, log, graceSeconds, forceSeconds } = settings;
  const stopping = new AbortController();
  const drains: { readonly name: string; readonly run: (force: AbortSignal) => Promise<void> }[] = [];
  const cleanups: { readonly name: string; readonly run: () => Promise<void> | void }[] = [];
  const failures: UncoupleError[] = [];
  let settle: (outcome: Promise<void>) => void = () => {};
  const finished = new Promise<void>((resolve) => {
    settle = resolve;
  });
  // Prevents an unhandled rejection if nothing awaits `finished`.
  finished.catch(() => {});
  let state: LifecycleState = "INITIALIZED";
  let starting: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  const settledWithin = (work: Promise<unknown>, seconds: number) => settlesWithin(clock, seconds * 1000, work);

  function enter(next: LifecycleState): void {
    log.debug({ from: state, to: next }, `${name}: ${next}`);
    state = next;
  }

  function record(what: string, thrown: unknown): void {
    const error = asUncoupleError(thrown);
    failures.push(error);
    log.error({ error }, `${name}: ${what} failed: ${error.message}`);
  }

  async function drainAll(): Promise<void> {
    const force = new AbortController();
    const work = Promise.all(
      drains.map(async (drain) => {
        try {
          await drain.run(force.signal);
        } catch (thrown) {
          record(`finishing ${drain.name}`, thrown);
        }
      }),
    );
    if (await settledWithin(work, graceSeconds)) return;
    log.warn(`${name}: work did not finish within the grace period of ${graceSeconds} s; aborting it`);
    force.abort(new UncoupleError("cancelled", `aborted: the grace period of ${graceSeconds} s expired`));
    if (await settledWithin(work, forceSeconds)) return;
    record(
      "finishing work",
      new UncoupleError("deadline-exceeded", `not finished ${forceSeconds} s after it was aborted`),
    );
  }

  async function releaseAll(): Promise<void> {
    for (const cleanup of cleanups.reverse()) {
      const work = (async () => {
        try {
          await cleanup.run();
        } catch (thrown) {
          record(`releasing ${cleanup.name}`, thrown);
        }
      })();
      if (!(await settledWithin(work, forceSeconds))) {
        record(
          `releasing ${cleanup.name}`,
          new UncoupleError("deadline-exceeded", `not finished within ${forceSeconds} s`),
        );
      }
    }
  }

  async function shutDown(): Promise<void> {
    enter("STOPPING");
    stopping.abort(new UncoupleError("cancelled", `${name} is stopping`));
    if (starting !== undefined && !(await settledWithin(starting, graceSeconds))) {
      record("starting", new UncoupleError("deadline-exceeded", `did not react to the stop within ${graceSeconds} s`));
    }
    enter("DRAINING");
    await drainAll();
    await releaseAll();
    const [first] = failures;
    enter(first === undefined ? "STOPPED" : "FAILED");
    if (first !== undefined) throw first;
  }

  function stop(): Promise<void> {
    if (stopped === undefined) {
      stopped = shutDown();
      settle(stopped);
    }
    return stopped;
  }

  return {
    state: () => state,
    stopping: stopping.signal,
    finished,
    stop,
    onDrain: (what, run) => void drains.push({ name: what, run }),
    onCleanup: (what, run) => void cleanups.push({ name: what, run }),
    fail(thrown) {
      if (stopped !== undefined) return;
      record("running", thrown);
      stop().catch(() => {});
    },
    async start(body) {
      if (state !== "INITIALIZED") {
        throw new UncoupleError("failed-precondition", `${name} cannot start: it is ${state}`);
      }
      starting = body();
      try {
        await starting;
      } catch (thrown) {
        // A stop during the start makes the body fail; that does not count as a failure.
        if (!stopping.signal.aborted) record("starting", thrown);
        await stop().catch(() => {});
        throw asUncoupleError(thrown);
      }
      if (!stopping.signal.aborted) enter("RUNNING");
    },
  };
}
