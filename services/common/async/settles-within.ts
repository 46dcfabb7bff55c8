import type { Clock, TimerOptions } from "../clock/clock.ts";

/** Resolves to whether the work settles within `ms` milliseconds. It keeps running if it does not. */
export function settlesWithin(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
  options?: TimerOptions,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false), options);
    const settle = () => {
      timer.cancel();
      resolve(true);
    };
    work.then(settle, settle);
  });
}
