import { createNotifier } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { WorkItem, WorkQueue } from "../backplane.ts";
import { redeliveryDelayMs } from "../redelivery.ts";
import type { MemoryLog } from "./log.ts";

/** The announcements as a queue for one group of workers. */
export function createMemoryWorkQueue(
  announcements: MemoryLog<SnapshotManifest>,
  clock: Clock,
  closed: AbortSignal,
): WorkQueue {
  /** Returned items that are due for redelivery. */
  const returned: { position: number; delivery: number }[] = [];
  const finished = new Set<number>();
  const bell = createNotifier();
  let fresh = 1;

  const take = (): { position: number; delivery: number } | undefined => {
    const again = returned.shift();
    if (again !== undefined) return again;
    return fresh <= announcements.end() ? { position: fresh++, delivery: 1 } : undefined;
  };

  /** `held` are the ways to give back what one worker holds. */
  const hold = (position: number, manifest: SnapshotManifest, delivery: number, held: Set<() => void>): WorkItem => {
    const giveBack = (delayMs: number) => {
      if (!held.delete(abandon)) return;
      const put = () => {
        returned.push({ position, delivery: delivery + 1 });
        bell.notify();
      };
      if (delayMs === 0) put();
      else clock.after(delayMs, put, { keepsAlive: false });
    };
    const abandon = () => giveBack(0);
    held.add(abandon);
    return {
      announcement: { position, manifest },
      delivery,
      async done() {
        held.delete(abandon);
        finished.add(position);
      },
      async retry() {
        giveBack(redeliveryDelayMs(delivery));
      },
    };
  };

  return {
    async *items(signal) {
      const end = AbortSignal.any([signal, closed]);
      const held = new Set<() => void>();
      let asked = false;
      try {
        while (!end.aborted) {
          const heard = bell.count;
          const announced = announcements.bell.count;
          const next = take();
          const manifest = next && announcements.at(next.position);
          if (next === undefined || manifest === undefined) {
            const woken = new AbortController();
            const wake = AbortSignal.any([end, woken.signal]);
            await Promise.race([bell.waitBeyond(heard, wake), announcements.bell.waitBeyond(announced, wake)]);
            woken.abort();
            continue;
          }
          asked = false;
          yield hold(next.position, manifest, next.delivery, held);
          asked = true;
        }
      } finally {
        // The loop was left by break or throw: return held items to the queue.
        if (!asked) for (const abandon of held) abandon();
      }
    },
    async pending() {
      return announcements.end() - finished.size;
    },
  };
}
