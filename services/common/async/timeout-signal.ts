import type { Clock } from "../clock/clock.ts";

export interface TimeoutSignal {
  /**
   * Aborts with `reason` when the timeout expires, or with the parent's reason when the parent aborts, whichever comes
   * first.
   */
  readonly signal: AbortSignal;
  /** Whether the timeout expired. */
  readonly expired: boolean;
  /** Stops the timer. Call it when the work is done. */
  dispose(): void;
}

/** Creates a timeout for work that takes a signal. Its timer does not keep the process alive. @param ms milliseconds */
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
