import type { Clock, Timer, TimerOptions } from "./clock.ts";
import { sleepOn } from "./sleep.ts";

/** Node fires timers longer than this immediately. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of this machine. Only entry points import it; they pass it on. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
  after: startTimer,
  every(ms, callback, options) {
    let timer: Timer;
    const tick = () => {
      timer = startTimer(
        ms,
        () => {
          // Schedule the next tick before the callback, which may cancel it.
          tick();
          callback();
        },
        options,
      );
    };
    tick();
    return { cancel: () => timer.cancel() };
  },
};

/** Chains several timers for delays of more than 24 days. */
function startTimer(ms: number, callback: () => void, options: TimerOptions = {}): Timer {
  let timer: NodeJS.Timeout;
  const start = (left: number) => {
    const long = left > LONGEST_TIMER_MS;
    timer = setTimeout(() => (long ? start(left - LONGEST_TIMER_MS) : callback()), long ? LONGEST_TIMER_MS : left);
    if (options.keepsAlive === false) timer.unref();
  };
  start(ms);
  return { cancel: () => clearTimeout(timer) };
}
