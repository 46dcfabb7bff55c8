import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { LeaseState } from "./machine/state.ts";
import type { MachineDriver } from "./machine-driver.ts";

/** Shorter than the time after which proxies end calls without bytes. */
const LONG_POLL_MS = 20_000;

/** Workers that wait for a unit. */
export interface LongPolls {
  /** @returns nothing after 20 seconds, or when the signal aborts @throws UncoupleError `not-found` for an unknown worker */
  wait(worker: string, signal: AbortSignal): Promise<LeaseState | undefined>;
  grant(request: string, lease: LeaseState): void;
  reject(request: string): void;
  /** Ends all waits without a unit. */
  close(): void;
}

export function createLongPolls(clock: Clock, machine: () => MachineDriver): LongPolls {
  interface Waiting {
    readonly worker: string;
    resolve(lease: LeaseState | undefined): void;
    reject(error: UncoupleError): void;
  }
  const waiting = new Map<string, Waiting>();
  let asked = 0;

  function end(request: string): void {
    if (!waiting.has(request)) return;
    machine().dispatch({ type: "stopped-asking", request });
    waiting.get(request)?.resolve(undefined);
  }

  return {
    async wait(worker, signal) {
      if (signal.aborted) return undefined;
      asked++;
      const request = `ask-${asked}`;
      const answer = new Promise<LeaseState | undefined>((resolve, reject) => {
        waiting.set(request, { worker, resolve, reject });
      });
      const stop = () => end(request);
      const timer = clock.after(LONG_POLL_MS, stop, { keepsAlive: false });
      signal.addEventListener("abort", stop, { once: true });
      machine().dispatch({ type: "asked", worker, request });
      try {
        return await answer;
      } finally {
        waiting.delete(request);
        timer.cancel();
        signal.removeEventListener("abort", stop);
      }
    },
    grant: (request, lease) => waiting.get(request)?.resolve(lease),
    reject(request) {
      const asking = waiting.get(request);
      asking?.reject(unknownWorker(asking.worker));
    },
    close() {
      for (const request of [...waiting.keys()]) end(request);
    },
  };
}

export function unknownWorker(worker: string): UncoupleError {
  return new UncoupleError("not-found", `worker ${worker} has not joined, or was given up; join again`);
}
