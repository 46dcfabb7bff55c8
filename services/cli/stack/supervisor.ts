import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";

/** A supervised part of a stack. */
export interface Supervised {
  /** Resolves when the part has exited, to a phrase: `exited with code 1`. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface SupervisorOptions {
  readonly clock: Clock;
  /** Called with a sentence for each crash and restart. */
  readonly onEvent: (line: string) => void;
  /** Crashes of one part within `windowSeconds` before the supervisor gives up. */
  readonly restarts: number;
  readonly windowSeconds: number;
  /** Delay before the first restart; doubles with each further crash within the window. */
  readonly restartDelayMs: number;
}

export const usualSupervision = { restarts: 3, windowSeconds: 60, restartDelayMs: 500 } as const;

export interface Supervisor {
  /**
   * Starts a part and restarts it when it exits by itself.
   * @param start receives the previous instance, so that it can reuse its ports
   * @throws UncoupleError the failure of the first start
   */
  run<T extends Supervised>(name: string, start: (previous: T | undefined) => Promise<T>): Promise<T>;
  /** Rejects when a part crashes too often. */
  readonly failed: Promise<never>;
  /** Stops all parts concurrently. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Keeps the parts of a stack running. Restarts a part that exits by itself: a trainer resumes from its checkpoint, the
 * others from the data in NATS. A part that keeps crashing fails the whole stack.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock } = options;
  const stopping = new AbortController();
  const running: { current: Supervised; watching: Promise<void> }[] = [];
  let giveUp: (reason: UncoupleError) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  failed.catch(() => {});
  let stopped: Promise<void> | undefined;

  async function watch<T extends Supervised>(
    name: string,
    slot: { current: Supervised },
    first: T,
    start: (previous: T | undefined) => Promise<T>,
  ): Promise<void> {
    const ends: number[] = [];
    let last = first;
    for (;;) {
      const how = await last.ended;
      if (stopping.signal.aborted) return;
      const now = clock.elapsed();
      ends.push(now);
      const recent = ends.filter((at) => now - at < options.windowSeconds * 1000).length;
      if (recent > options.restarts) {
        const message = `${name} crashed ${recent} times within ${options.windowSeconds} s, most recently: ${how}`;
        giveUp(new UncoupleError("unavailable", message));
        return;
      }
      options.onEvent(`${name} ${how}; restarting it`);
      try {
        await clock.sleep(options.restartDelayMs * 2 ** (recent - 1), stopping.signal);
        last = await start(last);
        slot.current = last;
        if (stopping.signal.aborted) return;
        options.onEvent(`${name} is running again`);
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        last = {
          ...last,
          ended: Promise.resolve(`failed to start: ${asUncoupleError(thrown).message}`),
          stop: async () => {},
        };
      }
    }
  }

  async function stopOne(slot: { readonly current: Supervised; readonly watching: Promise<void> }): Promise<void> {
    await slot.current.stop();
    // A restart in progress may have started another instance.
    await slot.watching;
    await slot.current.stop();
  }

  async function stopAll(): Promise<void> {
    stopping.abort(new UncoupleError("cancelled", "the stack is stopping"));
    const outcomes = await Promise.allSettled(running.map(stopOne));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  return {
    async run(name, start) {
      const first = await start(undefined);
      const slot = { current: first as Supervised, watching: Promise.resolve() };
      slot.watching = watch(name, slot, first, start);
      running.push(slot);
      return first;
    },
    failed,
    stop() {
      stopped ??= stopAll();
      return stopped;
    },
  };
}
