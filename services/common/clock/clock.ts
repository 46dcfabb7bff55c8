/** A source of time. All code that waits, measures or timestamps takes one, so that tests and simulations control time. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. It can jump; measure durations with `elapsed`. */
  now(): number;
  /** Monotonic milliseconds since an arbitrary origin. */
  elapsed(): number;
  /**
   * Resolves after `ms` milliseconds.
   * @throws the signal's reason if it aborts first
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms` milliseconds. */
  after(ms: number, callback: () => void, options?: TimerOptions): Timer;
  /** Calls `callback` every `ms` milliseconds. */
  every(ms: number, callback: () => void, options?: TimerOptions): Timer;
}

export interface TimerOptions {
  /** Whether the pending timer keeps the process alive. Default: true. */
  readonly keepsAlive?: boolean;
}

export interface Timer {
  /** Stops the timer. Does nothing if it was cancelled before or has fired. */
  cancel(): void;
}

/** The current wall-clock time in ISO 8601, the format of manifests, verdicts and run records. */
export function timestamp(clock: Pick<Clock, "now">): string {
  return new Date(clock.now()).toISOString();
}

/** @returns seconds since `start`, a value of `clock.elapsed()` */
export function secondsSince(clock: Pick<Clock, "elapsed">, start: number): number {
  return (clock.elapsed() - start) / 1000;
}
