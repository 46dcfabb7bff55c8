import { createNotifier } from "../common/async/notifier.ts";
import { backoffMs } from "../common/async/retry.ts";
import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { attemptsAllowed } from "./mlflow-requests.ts";

/** Work with a tracking server. It can be repeated, and throws as `MlflowRequests`. */
export type TrackingWork = (signal: AbortSignal) => Promise<void>;

export interface TrackingQueueDeps {
  readonly clock: Clock;
  /** Called with a sentence when the server fails, once until it works again, and for work that is given up. */
  readonly warn: (message: string) => void;
  /** Called with the number of works that are given up. */
  readonly onDropped: (count: number) => void;
}

/**
 * Work with a tracking server that nobody waits for: done in order in the background, tried again while the server is
 * away, and dropped, the oldest first, if there is too much of it.
 */
export interface TrackingQueue {
  /** Adds work, unless there is waiting work of the same key. Never waits and never throws. */
  add(key: string, work: TrackingWork): void;
  /** Works waiting or in progress. */
  size(): number;
  /** Does what is left for at most 2 s, and drops the rest. Further calls return the same promise. */
  close(): Promise<void>;
}

/** Works waiting at most. */
const CAPACITY = 256;
/** Time in which small works for one run become one. */
const BATCH_MS = 1_000;
const RETRY = { firstDelayMs: 1_000, longestDelayMs: 30_000 };
const CLOSE_MS = 2_000;

export function createTrackingQueue({ clock, warn, onDropped }: TrackingQueueDeps): TrackingQueue {
  /** In order of arrival. */
  const waiting = new Map<string, TrackingWork>();
  const added = createNotifier();
  /** No more waits. */
  const closing = new AbortController();
  /** No more requests. */
  const over = new AbortController();
  let inWork = 0;
  let warned = false;
  let closed: Promise<void> | undefined;

  const pause = (ms: number) => clock.sleep(ms, closing.signal).catch(() => {});

  /** Repeats work until it succeeds or is given up. */
  async function persist(work: TrackingWork): Promise<void> {
    let refusals = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        await work(over.signal);
        warned = false;
        return;
      } catch (thrown) {
        const error = asUncoupleError(thrown);
        const allowed = attemptsAllowed(error);
        if (Number.isFinite(allowed)) refusals++;
        const isGivenUp = refusals >= allowed;
        if (isGivenUp) warn(`tracking: gave up on a request to the MLflow server: ${error.message}`);
        if (isGivenUp || closing.signal.aborted) return onDropped(1);
        if (!warned) warn(`tracking: cannot log to the MLflow server: ${error.message}; still trying`);
        warned = true;
        await pause(backoffMs(RETRY, attempt));
      }
    }
  }

  async function workOff(): Promise<void> {
    for (;;) {
      const [first] = waiting;
      if (first === undefined || over.signal.aborted) return;
      const [key, work] = first;
      waiting.delete(key);
      inWork = 1;
      await persist(work);
      inWork = 0;
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const seen = added.count;
      if (waiting.size === 0) await added.waitBeyond(seen, closing.signal);
      await pause(BATCH_MS);
      await workOff();
    }
    await workOff();
  }
  const running = run();

  async function close(): Promise<void> {
    closing.abort(new UncoupleError("cancelled", "tracking is closing"));
    if (!(await settlesWithin(clock, CLOSE_MS, running))) {
      over.abort(new UncoupleError("cancelled", "tracking is closed"));
    }
    if (waiting.size > 0) onDropped(waiting.size);
    waiting.clear();
  }

  return {
    add(key, work) {
      if (closed !== undefined) return onDropped(1);
      if (waiting.has(key)) return;
      const [oldest] = waiting.keys();
      if (waiting.size >= CAPACITY && oldest !== undefined) {
        waiting.delete(oldest);
        onDropped(1);
      }
      waiting.set(key, work);
      added.notify();
    },
    size: () => waiting.size + inWork,
    close() {
      closed ??= close();
      return closed;
    },
  };
}
