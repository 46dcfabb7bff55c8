/** Where time comes from. Everything that waits, measures or stamps takes one, so that tests and simulations set the pace. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. It may jump: measure durations with `elapsed`. */
  now(): number;
  /** Monotonic milliseconds since an arbitrary origin. */
  elapsed(): number;
  /**
   * Resolves after `ms` milliseconds.
   * @throws the signal's reason when it aborts first
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms` milliseconds. */
  after(ms: number, callback: () => void, options?: TimerOptions): Timer;
  /** Calls back every `ms` milliseconds. */
  every(ms: number, callback: () => void, options?: TimerOptions): Timer;
}

export interface TimerOptions {
  /** Whether the pending timer alone keeps the process alive; true if not given. */
  readonly keepsAlive?: boolean;
}

export interface Timer {
  /** The callback is not called any more. Calling it again, or after the timer has fired, does nothing. */
  cancel(): void;
}

/** The current wall-clock time in ISO 8601, as manifests, verdicts and run records store it. */
export function timestamp(clock: Pick<Clock, "now">): string {
  return new Date(clock.now()).toISOString();
}

/** @returns seconds since `start`, a value of `clock.elapsed()` */
export function secondsSince(clock: Pick<Clock, "elapsed">, start: number): number {
  return (clock.elapsed() - start) / 1000;
}
