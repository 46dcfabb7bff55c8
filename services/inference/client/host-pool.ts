import { raceAbort } from "../../common/async/race-abort.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { HostConnector } from "../connect/host-connector.ts";
import type { HeldBytes } from "../inference.ts";
import { HostSession } from "./host-session.ts";

export interface HostPoolDeps {
  readonly connector: HostConnector;
  readonly clock: Clock;
  onRestart?(): void;
}

/** Hosts, each for one call at a time. */
export interface HostPool {
  /**
   * Waits for a free host, the one that was used last if there are several, and starts one if fewer run than allowed.
   *
   * @param fresh whether it must have done nothing yet: replaces a free host
   * @throws UncoupleError `unavailable`, `cancelled`; the reason of the signal
   */
  take(fresh: boolean, signal?: AbortSignal): Promise<HostSession>;
  giveBack(session: HostSession): void;
  heldBytes(): HeldBytes;
  close(): Promise<void>;
}

export function createHostPool(
  { hosts, timeoutMs }: { readonly hosts: number; readonly timeoutMs: number },
  { connector, clock, onRestart }: HostPoolDeps,
): HostPool {
  /** The host used last is the last one. */
  const free: HostSession[] = [];
  const sessions = new Set<HostSession>();
  const waiting: (() => void)[] = [];
  let busy = 0;
  /** Hosts that ended and were not replaced yet. */
  let missing = 0;
  let closed = false;

  async function start(): Promise<HostSession> {
    if (missing > 0) {
      missing -= 1;
      onRestart?.();
    }
    const session = new HostSession(await connector.connect(), clock, timeoutMs);
    sessions.add(session);
    try {
      if (closed) end(session);
      await session.started();
    } catch (thrown) {
      end(session);
      throw thrown;
    }
    return session;
  }

  function end(session: HostSession): void {
    session.kill();
    if (sessions.delete(session)) missing += 1;
  }

  function refuseClosed(): void {
    if (closed) throw new UncoupleError("cancelled", "the inference hosts are stopped");
  }

  return {
    async take(fresh, signal) {
      refuseClosed();
      signal?.throwIfAborted();
      if (busy >= hosts) {
        const turn = new Promise<void>((resolve) => waiting.push(resolve));
        try {
          await (signal === undefined ? turn : raceAbort(turn, signal));
        } catch (thrown) {
          // Passes its turn on.
          void turn.then(next);
          throw thrown;
        }
      } else {
        busy += 1;
      }
      try {
        refuseClosed();
        let session = free.pop();
        if (session !== undefined && (!session.alive || (fresh && !session.fresh))) {
          end(session);
          session = undefined;
        }
        return session ?? (await start());
      } catch (thrown) {
        next();
        throw thrown;
      }
    },
    giveBack(session) {
      if (session.alive && !closed) free.push(session);
      else end(session);
      next();
    },
    heldBytes() {
      const sum = { columns: 0, outputs: 0, models: 0 };
      for (const { held } of sessions) {
        sum.columns += held.columns;
        sum.outputs += held.outputs;
        sum.models += held.models;
      }
      return sum;
    },
    async close() {
      closed = true;
      const ends = [...sessions].map((session) => session.ended);
      for (const session of sessions) end(session);
      await Promise.all(ends);
    },
  };

  /** Hands the turn of a call that has ended to the next one. */
  function next(): void {
    const turn = waiting.shift();
    if (turn === undefined) busy -= 1;
    else turn();
  }
}
