import { createNotifier } from "../../common/async/notifier.ts";
import { UncoupleError } from "../../common/errors.ts";
import { heldByAnother, type Lease, type Leases } from "../backplane.ts";
import { checkLease } from "../names.ts";

/** Leases within one process. A holder cannot die alone, so a lease lasts until it is released or the backplane closes. */
export function createMemoryLeases(closed: AbortSignal): Leases {
  const held = new Map<string, string>();
  const bell = createNotifier();
  const leases: Leases = {
    async acquire(name, holder, signal): Promise<Lease> {
      checkLease(name);
      const end = AbortSignal.any([signal, closed]);
      for (;;) {
        const seen = bell.count;
        if (end.aborted) throw new UncoupleError("cancelled", `stopped waiting for the lease ${name}`);
        if (!held.has(name)) break;
        await bell.waitBeyond(seen, end);
      }
      held.set(name, holder);
      let mine = true;
      return {
        lost: closed,
        async release() {
          if (!mine) return;
          mine = false;
          held.delete(name);
          bell.notify();
        },
      };
    },
    async claim(name, holder, signal) {
      const other = held.get(name);
      if (other !== undefined) throw heldByAnother(name, other);
      return leases.acquire(name, holder, signal);
    },
    async holder(name) {
      return held.get(name);
    },
  };
  return leases;
}
