import type { Clock } from "../clock/clock.ts";

export interface TimeoutSignal {
  /**
   * Aborts when the time is over, with `reason`, or when the parent aborts, with the parent's reason: whichever is first.
   */
  readonly signal: AbortSignal;
  /** Whether it aborted because the time was over. */
  readonly expired: boolean;
  /** Stops the timer. Call it when the work is done. */
  dispose(): void;
}

/** A time limit for work that takes a signal. Does not keep the process alive. @param ms milliseconds */
export function timeoutSignal(clock: Clock, ms: number, reason: unknown, parent?: AbortSignal): TimeoutSignal {
  const timeout = new AbortController();
  const expire = () => {
    if (parent?.aborted !== true) timeout.abort(reason);
  };
  const timer = clock.after(ms, expire, { keepsAlive: false });
  return {
    signal: parent === undefined ? timeout.signal : AbortSignal.any([timeout.signal, parent]),
    get expired() {
      return timeout.signal.aborted;
    },
    dispose: () => timer.cancel(),
  };
}
