import type { Clock, TimerOptions } from "../clock/clock.ts";

/** Whether work ends, well or not, within a time. It goes on where it does not. @param ms milliseconds */
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
