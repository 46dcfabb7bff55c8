import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";

/** Something that runs beside this process. */
export interface Supervised {
  /** Settles with a sentence when it has ended, whoever ended it. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface SupervisorOptions {
  readonly clock: Clock;
  /** Hears of every end and restart, in a sentence. */
  readonly onEvent: (line: string) => void;
  /** How often within `windowSeconds` something may end by itself before everything is given up. */
  readonly restarts: number;
  readonly windowSeconds: number;
  /** Before the first restart; it doubles with every other within the window. */
  readonly restartDelayMs: number;
}

export const usualSupervision = { restarts: 3, windowSeconds: 60, restartDelayMs: 500 } as const;

export interface Supervisor {
  /**
   * Starts something and, when it ends by itself, starts it again.
   * @param start is given what it started before, for the same ports
   * @throws UncoupleError what the first start failed with
   */
  run<T extends Supervised>(name: string, start: (previous: T | undefined) => Promise<T>): Promise<T>;
  /** Rejects when something ended too often. */
  readonly failed: Promise<never>;
  /** Stops everything at once; safe to call again. */
  stop(): Promise<void>;
}

/**
 * Keeps a stack's parts running: what ends by itself is started again, because a trainer goes on from its checkpoint
 * and the others from what NATS keeps; what ends again and again makes the whole stack fail.
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
        const message = `${name} ended ${recent} times within ${options.windowSeconds} s, lastly: ${how}`;
        giveUp(new UncoupleError("unavailable", message));
        return;
      }
      options.onEvent(`${name} ${how}; starting it again`);
      try {
        await clock.sleep(options.restartDelayMs * 2 ** (recent - 1), stopping.signal);
        last = await start(last);
        slot.current = last;
        if (stopping.signal.aborted) return;
        options.onEvent(`${name} is back`);
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        last = {
          ...last,
          ended: Promise.resolve(`could not be started: ${asUncoupleError(thrown).message}`),
          stop: async () => {},
        };
      }
    }
  }

  async function stopOne(slot: { readonly current: Supervised; readonly watching: Promise<void> }): Promise<void> {
    await slot.current.stop();
    // A restart that was under way may have started something that must go, too.
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
