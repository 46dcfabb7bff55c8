import { createNotifier } from "../common/async/notifier.ts";
import { withEither } from "../common/async/with-either.ts";
import { type Clock, secondsSince } from "../common/clock/clock.ts";
import type { UnitLease } from "../rpc/services/coordinator-service.ts";
import type { UnitEnd } from "./run-unit.ts";
import type { Session, UnitInWork } from "./session.ts";
import type { TrainerLink } from "./trainer-link.ts";

export interface UnitLoopDeps {
  readonly clock: Clock;
  readonly link: TrainerLink;
  /** Units that compute at a time. As many more may send their results. */
  readonly parallel: number;
  /** Whether no other unit should run beside one on this engine. */
  isExclusive(engine: string): boolean;
  run(lease: UnitLease, unit: UnitInWork, session: Session): Promise<UnitEnd>;
  onEnd(lease: UnitLease, end: UnitEnd, seconds: number): void;
}

/** Leases units and runs them, as many at a time as the worker can. */
export interface UnitLoop {
  /** Leases until the signal aborts, then waits for the units that are still in work. */
  run(stopping: AbortSignal): Promise<void>;
  /** A unit in work computes no more: there is room for another one while its result is sent. */
  makeRoom(): void;
  /** Gives up all units in work. */
  abort(reason: unknown): void;
  /** Units in work. */
  running(): number;
}

export function createUnitLoop(deps: UnitLoopDeps): UnitLoop {
  const { clock, link, parallel } = deps;
  const running = new Map<UnitInWork, { readonly lease: UnitLease; readonly ended: Promise<void> }>();
  const changed = createNotifier();

  function hasRoom(): boolean {
    const computing = [...running].filter(([{ phase }]) => phase !== "submitting");
    if (computing.some(([, { lease }]) => deps.isExclusive(lease.engine))) return false;
    return computing.length < parallel && running.size < 2 * parallel;
  }

  function start(lease: UnitLease, session: Session): void {
    const unit = session.begin(lease.lease);
    const began = clock.elapsed();
    const ended = deps.run(lease, unit, session).then((end) => {
      session.end(lease.lease);
      running.delete(unit);
      deps.onEnd(lease, end, secondsSince(clock, began));
      changed.notify();
    });
    running.set(unit, { lease, ended });
  }

  async function leaseAll(stopping: AbortSignal): Promise<void> {
    for (;;) {
      const seen = changed.count;
      stopping.throwIfAborted();
      if (!hasRoom()) {
        await changed.waitBeyond(seen, stopping);
        continue;
      }
      const session = await link.session(stopping);
      try {
        const lease = await withEither(session.ended, stopping, (signal) =>
          session.coordinator.lease(session.joined.worker, signal),
        );
        if (lease !== undefined) start(lease, session);
      } catch (thrown) {
        // Units in work still need the session.
        if (!stopping.aborted) session.fail(thrown);
      }
    }
  }

  return {
    async run(stopping) {
      await leaseAll(stopping).catch((thrown: unknown) => {
        if (!stopping.aborted) throw thrown;
      });
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
    makeRoom: () => changed.notify(),
    abort(reason) {
      for (const unit of running.keys()) unit.abort(reason);
    },
    running: () => running.size,
  };
}
