import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { Logger } from "./logs.ts";

/**
 * INITIALIZED -> RUNNING -> STOPPING -> DRAINING -> STOPPED, or FAILED.
 * - INITIALIZED: built; holds nothing yet.
 * - RUNNING: `start` has acquired everything.
 * - STOPPING: a stop was asked for; `stopping` is aborted, so that no new work is taken.
 * - DRAINING: work in hand finishes within the grace time, then what was acquired is released in reverse order.
 * - STOPPED: everything was released without an error.
 * - FAILED: starting failed, `fail` was called, or something could not be finished or released; all else was.
 */
export type LifecycleState = "INITIALIZED" | "RUNNING" | "STOPPING" | "DRAINING" | "STOPPED" | "FAILED";

export interface LifecycleSettings {
  /** For the log: what it is that starts and stops. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long work in hand may take to finish once a stop was asked for; then its `force` signal aborts. */
  readonly graceSeconds: number;
  /** How long work that was told to abort, and then each release, may take; then it is left behind. */
  readonly forceSeconds: number;
}

export interface Lifecycle {
  state(): LifecycleState;
  /** Aborts when a stop begins. */
  readonly stopping: AbortSignal;
  /**
   * Acquires everything with `body`, which registers drains and cleanups as it goes. When it throws, what it acquired
   * so far is released, the state is FAILED, and the error is thrown on.
   * @throws UncoupleError `failed-precondition` when it was started before
   */
  start(body: () => Promise<void>): Promise<void>;
  /** Work to finish before anything is released; `force` aborts when the grace time is over. All drains run at once. */
  onDrain(name: string, drain: (force: AbortSignal) => Promise<void>): void;
  /** A release. Releases run last first, each whether or not another failed. */
  onCleanup(name: string, cleanup: () => Promise<void> | void): void;
  /** Stops because something that cannot be recovered from happened while running; ends in FAILED, unless it stops already. */
  fail(thrown: unknown): void;
  /**
   * Stops; calling again gives the same promise.
   * @throws UncoupleError what it failed with, where it ends in FAILED
   */
  stop(): Promise<void>;
  /** Settles as `stop` does, whoever asked for the stop. */
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
  // Nobody need be listening for the end.
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
    log.warn(`${name}: work in hand was not finished after the grace time of ${graceSeconds} s; it is cut short`);
    force.abort(new UncoupleError("cancelled", `cut short: the grace time of ${graceSeconds} s is over`));
    if (await settledWithin(work, forceSeconds)) return;
    record(
      "finishing work in hand",
      new UncoupleError("deadline-exceeded", `not done ${forceSeconds} s after it was cut short`),
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
          new UncoupleError("deadline-exceeded", `not done within ${forceSeconds} s`),
        );
      }
    }
  }

  async function shutDown(): Promise<void> {
    enter("STOPPING");
    stopping.abort(new UncoupleError("cancelled", `${name} is stopping`));
    if (starting !== undefined && !(await settledWithin(starting, graceSeconds))) {
      record("starting", new UncoupleError("deadline-exceeded", `did not give way to a stop within ${graceSeconds} s`));
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
        // A stop that came while starting makes the body fail; that is no failure of its own.
        if (!stopping.signal.aborted) record("starting", thrown);
        await stop().catch(() => {});
        throw asUncoupleError(thrown);
      }
      if (!stopping.signal.aborted) enter("RUNNING");
    },
  };
}
