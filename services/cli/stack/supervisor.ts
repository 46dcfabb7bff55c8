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
  /** Crashes in a row after which a part counts as failing. */
  readonly failingAfter: number;
  /** Crashes are in a row if the part ran for less than this between them. */
  readonly stableSeconds: number;
  /** Delay before the first restart; doubles with each further crash in a row. */
  readonly restartDelayMs: number;
  readonly maxDelayMs: number;
  /** Whether parts of the stack that another supervisor runs still work; default: there are none. */
  readonly othersWork?: () => boolean;
}

export const usualSupervision = {
  failingAfter: 4,
  stableSeconds: 60,
  restartDelayMs: 500,
  maxDelayMs: 30_000,
} as const;

export interface Supervisor {
  /**
   * Starts a part and restarts it when it exits by itself.
   * @param start receives the previous instance, so that it can reuse its ports
   * @throws UncoupleError the failure of the first start
   */
  run<T extends Supervised>(name: string, start: (previous: T | undefined) => Promise<T>): Promise<T>;
  /** Whether a part is running. */
  works(): boolean;
  /** Rejects when every part keeps crashing and nothing else of the stack works. */
  readonly failed: Promise<never>;
  /** Stops all parts concurrently. Idempotent. */
  stop(): Promise<void>;
}

/** A part and what has become of it. */
interface Slot {
  current: Supervised;
  /** Whether `current` has started and not exited. */
  running: boolean;
  /** Crashes in a row, failed restarts included. */
  crashes: number;
  watching: Promise<void>;
}

/**
 * Keeps the parts of a stack running. Restarts a part that exits by itself: a trainer resumes from its checkpoint, the
 * others from the data in NATS. A part that keeps crashing is restarted less and less often while something else works.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, othersWork = () => false } = options;
  const stopping = new AbortController();
  const slots: Slot[] = [];
  let giveUp: (reason: UncoupleError) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  failed.catch(() => {});
  let stopped: Promise<void> | undefined;

  const isFailing = ({ running, crashes }: Slot) => !running && crashes >= options.failingAfter;

  async function watch<T extends Supervised>(
    name: string,
    slot: Slot,
    first: T,
    start: (previous: T | undefined) => Promise<T>,
  ): Promise<void> {
    let last = first;
    let since = clock.elapsed();
    for (;;) {
      const how = await last.ended;
      if (stopping.signal.aborted) return;
      const wasStable = slot.running && clock.elapsed() - since >= options.stableSeconds * 1000;
      slot.crashes = wasStable ? 1 : slot.crashes + 1;
      slot.running = false;
      if (slots.every(isFailing) && !othersWork()) {
        const all = slots.length > 1 ? "every service keeps crashing; " : "";
        const message = `${all}${name} crashed ${slot.crashes} times in a row, most recently: ${how}`;
        giveUp(new UncoupleError("unavailable", message));
        return;
      }
      const delay = Math.min(options.maxDelayMs, options.restartDelayMs * 2 ** (slot.crashes - 1));
      options.onEvent(`${name} ${how}; restarting it in ${delay / 1000} s`);
      try {
        await clock.sleep(delay, stopping.signal);
        last = await start(last);
        slot.current = last;
        if (stopping.signal.aborted) return;
        slot.running = true;
        since = clock.elapsed();
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

  async function stopOne(slot: Slot): Promise<void> {
    await slot.current.stop();
    // A restart in progress may have started another instance.
    await slot.watching;
    await slot.current.stop();
  }

  async function stopAll(): Promise<void> {
    stopping.abort(new UncoupleError("cancelled", "the stack is stopping"));
    const outcomes = await Promise.allSettled(slots.map(stopOne));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  return {
    async run(name, start) {
      const first = await start(undefined);
      const slot: Slot = { current: first, running: true, crashes: 0, watching: Promise.resolve() };
      slots.push(slot);
      slot.watching = watch(name, slot, first, start);
      return first;
    },
    works: () => slots.some(({ running }) => running),
    failed,
    stop() {
      stopped ??= stopAll();
      return stopped;
    },
  };
}
