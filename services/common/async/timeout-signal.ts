import type { Clock } from "../clock/clock.ts";

export interface TimeoutSignal {
  /** Aborts when the time is over, with `reason`, or when the parent aborts, with the parent's reason. */
  readonly signal: AbortSignal;
  /** Whether it was the time. */
  readonly expired: boolean;
  /** Stops the timer. */
  dispose(): void;
}

/** @param ms milliseconds */
export function timeoutSignal(clock: Clock, ms: number, reason: unknown, parent?: AbortSignal): TimeoutSignal {
  const timeout = new AbortController();
  const timer = clock.after(ms, () => timeout.abort(reason), { keepsAlive: false });
  return {
    signal: parent === undefined ? timeout.signal : AbortSignal.any([timeout.signal, parent]),
    get expired() {
      return timeout.signal.aborted;
    },
    dispose: () => timer.cancel(),
  };
}
