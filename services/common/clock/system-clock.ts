import type { Clock, Timer, TimerOptions } from "./clock.ts";
import { sleepOn } from "./sleep.ts";

/** Node fires a timer of more than this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The time of this machine. Entry points hand it out; nothing else imports it. */
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
          // Before the callback, which may cancel it.
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

/** Waits of more than 24 days are made up of several timers. */
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
