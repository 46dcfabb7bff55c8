import { createNotifier } from "../../common/async/notifier.ts";

/** Bounds how many runs of a process pin and train at a time. Slots are given out in the order in which they were asked for. */
export interface RunSlots {
  /** Number of slots. */
  readonly count: number;
  /**
   * Waits for a slot.
   * @param onWait called if none is free
   * @throws the reason of the signal, when it aborts first
   */
  acquire(signal: AbortSignal, onWait: () => Promise<void>): Promise<RunSlot>;
}

export interface RunSlot {
  /** Gives the slot up while a run waits for something else, and then acquires one again. */
  without(wait: () => Promise<void>): Promise<void>;
  /** Idempotent. */
  release(): void;
}

/** @param count at least 1 */
export function createRunSlots(count: number): RunSlots {
  let free = count;
  const waiting: object[] = [];
  const changed = createNotifier();

  async function take(signal: AbortSignal, onWait: () => Promise<void>): Promise<void> {
    signal.throwIfAborted();
    const place = {};
    waiting.push(place);
    const isNext = () => waiting.indexOf(place) < free;
    try {
      if (!isNext()) await onWait();
      while (!isNext()) {
        await changed.waitBeyond(changed.count, signal);
        signal.throwIfAborted();
      }
      free--;
    } finally {
      waiting.splice(waiting.indexOf(place), 1);
      changed.notify();
    }
  }

  return {
    count,
    async acquire(signal, onWait) {
      await take(signal, onWait);
      let held = true;
      const release = () => {
        if (!held) return;
        held = false;
        free++;
        changed.notify();
      };
      return {
        release,
        async without(wait) {
          release();
          await wait();
          await take(signal, async () => {});
          held = true;
        },
      };
    },
  };
}
