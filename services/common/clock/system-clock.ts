import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, Timer, TimerOptions } from "./clock.ts";

/** The time of this machine. Entry points hand it out; nothing else imports it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await sleep(ms, undefined, signal && { signal });
    } catch (thrown) {
      // Node wraps the signal's reason in an AbortError of its own.
      throw signal?.aborted ? signal.reason : thrown;
    }
  },
  after(ms, callback, options) {
    const timer = setTimeout(callback, ms);
    return handle(timer, () => clearTimeout(timer), options);
  },
  every(ms, callback, options) {
    const timer = setInterval(callback, ms);
    return handle(timer, () => clearInterval(timer), options);
  },
};

function handle(timer: NodeJS.Timeout, cancel: () => void, options: TimerOptions = {}): Timer {
  if (options.keepsAlive === false) timer.unref();
  return { cancel };
}
