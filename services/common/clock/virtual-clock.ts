import type { Clock, Timer } from "./clock.ts";
import { sleepOn } from "./sleep.ts";

/** A clock that moves only when advanced, for tests and simulations. */
export interface VirtualClock extends Clock {
  /**
   * Advances time by `ms` milliseconds and runs the callbacks that fall due, in order of time, then of scheduling.
   * Before the first callback and after each one, it runs all pending promise callbacks and one turn of the event loop.
   * It does not wait for real I/O.
   */
  advance(ms: number): Promise<void>;
  /** Advances to the next timer and runs it, as `advance` does. @returns false if nothing is scheduled */
  next(): Promise<boolean>;
  /** Number of pending timers. */
  readonly pending: number;
}

interface Scheduled {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** @param start wall-clock milliseconds since the Unix epoch */
export function createVirtualClock(start = 0): VirtualClock {
  const scheduled = new Set<Scheduled>();
  let elapsed = 0;
  let sequence = 0;

  function schedule(at: number, run: () => void): Timer {
    const entry: Scheduled = { at, sequence: sequence++, run };
    scheduled.add(entry);
    return { cancel: () => scheduled.delete(entry) };
  }

  function earliest(): Scheduled | undefined {
    let first: Scheduled | undefined;
    for (const entry of scheduled) {
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.sequence < first.sequence)) {
        first = entry;
      }
    }
    return first;
  }

  async function run(entry: Scheduled): Promise<void> {
    scheduled.delete(entry);
    elapsed = Math.max(elapsed, entry.at);
    entry.run();
    await settle();
  }

  const clock: VirtualClock = {
    now: () => start + elapsed,
    elapsed: () => elapsed,
    get pending() {
      return scheduled.size;
    },
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
    after: (ms, callback) => schedule(elapsed + Math.max(0, ms), callback),
    every(ms, callback) {
      const period = Math.max(1, ms);
      let timer: Timer;
      const tick = (at: number) => {
        timer = schedule(at, () => {
          tick(at + period);
          callback();
        });
      };
      tick(elapsed + period);
      return { cancel: () => timer.cancel() };
    },
    async advance(ms) {
      await settle();
      const end = elapsed + ms;
      for (let entry = earliest(); entry !== undefined && entry.at <= end; entry = earliest()) await run(entry);
      elapsed = Math.max(elapsed, end);
    },
    async next() {
      await settle();
      const entry = earliest();
      if (entry === undefined) return false;
      await run(entry);
      return true;
    },
  };
  return clock;
}

/** Runs pending promise callbacks, including those that they queue, and work that yielded to the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
