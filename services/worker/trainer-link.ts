import { createNotifier } from "../common/async/notifier.ts";
import { backoffMs } from "../common/async/retry.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { RemoteCoordinator } from "../rpc/client/coordinator-client.ts";
import type { JoinedWorker, JoiningWorker, RefusedWorker } from "../rpc/services/coordinator-service.ts";
import type { Logger } from "../runtime/logs.ts";
import { createSession, type OpenSession, type Session } from "./session.ts";

export interface TrainerLinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Creates a client with fresh connections. */
  connect(): RemoteCoordinator;
  /** Returns a number in [0, 1), which spreads the reconnections of many workers. */
  readonly random: () => number;
}

/** The connection to a trainer, which is joined again after every outage. */
export interface TrainerLink {
  /**
   * Joins, beats, and starts over whenever the connection fails, until the signal aborts.
   * @throws UncoupleError `failed-precondition` if the trainer refuses this worker for a reason that time cannot change,
   *   `invalid-argument` if it does not understand it
   */
  run(stop: AbortSignal): Promise<void>;
  /** Waits for a session. @throws the reason of the signal */
  session(signal: AbortSignal): Promise<Session>;
  /** The session, if there is one now. */
  current(): Session | undefined;
}

const BACKOFF = { firstDelayMs: 200, longestDelayMs: 5_000 };
/** Share of a delay that is random. */
const JITTER = 0.5;

export function createTrainerLink(address: string, me: JoiningWorker, deps: TrainerLinkDeps): TrainerLink {
  const { clock, log, connect, random } = deps;
  const changed = createNotifier();
  /** The highest incarnation seen of each component. */
  const incarnations = new Map<string, number>();
  let open: OpenSession | undefined;

  /** @throws UncoupleError for a trainer that was superseded by a later one */
  function checkIncarnation({ pipeline, component, incarnation }: JoinedWorker): void {
    const key = `${pipeline}/${component}`;
    const highest = incarnations.get(key) ?? 0;
    if (incarnation < highest) {
      throw new UncoupleError(
        "failed-precondition",
        `the trainer of ${key} at ${address} (start ${incarnation}) was superseded by a later one (start ${highest})`,
      );
    }
    incarnations.set(key, incarnation);
  }

  /** One connection, from joining to its end. Always throws. */
  async function serve(stop: AbortSignal, onJoined: (joined: JoinedWorker) => void): Promise<never> {
    const coordinator = connect();
    try {
      const joined = await coordinator.join(me, stop);
      if ("refusal" in joined) throw new JoinRefused(address, joined);
      checkIncarnation(joined);
      const session = createSession(address, joined, coordinator, clock);
      const onStop = () => session.fail(stop.reason);
      stop.addEventListener("abort", onStop);
      try {
        for await (const _ of session.beat()) {
          if (open === session) continue;
          open = session;
          onJoined(joined);
          changed.notify();
        }
        throw asUncoupleError(session.ended.reason);
      } catch (thrown) {
        session.fail(thrown);
        throw thrown;
      } finally {
        stop.removeEventListener("abort", onStop);
      }
    } finally {
      open = undefined;
      coordinator.close();
    }
  }

  return {
    current: () => open,
    async session(signal) {
      for (;;) {
        const seen = changed.count;
        signal.throwIfAborted();
        if (open !== undefined && !open.ended.aborted) return open;
        await changed.waitBeyond(seen, signal);
      }
    },
    async run(stop) {
      let attempt = 0;
      let outage = false;
      let joinedAt: number | undefined;
      while (!stop.aborted) {
        try {
          await serve(stop, ({ pipeline, component, worker }) => {
            log.info({ pipeline, component, worker }, `joined the trainer of ${pipeline}/${component} at ${address}`);
            outage = false;
            joinedAt = clock.elapsed();
          });
        } catch (thrown) {
          if (stop.aborted) return;
          if (isPermanent(thrown)) throw thrown;
          const error = asUncoupleError(thrown);
          const message = `not connected to the trainer: ${error.message}; trying again until it answers`;
          log[outage ? "debug" : "warn"]({ error }, message);
          outage = true;
        }
        // A trainer that takes workers only to drop them must not be asked five times a second.
        const lasted = joinedAt !== undefined && clock.elapsed() - joinedAt > BACKOFF.longestDelayMs;
        joinedAt = undefined;
        attempt = lasted ? 1 : attempt + 1;
        await clock.sleep(backoffMs(BACKOFF, attempt) * (1 - JITTER * random()), stop).catch(() => {});
      }
    },
  };
}

/** The trainer does not take this worker. */
class JoinRefused extends UncoupleError {
  /** Whether another try can succeed without a change of this worker. */
  readonly permanent: boolean;

  constructor(address: string, { refusal, reason }: RefusedWorker) {
    super("failed-precondition", `the trainer at ${address} refuses this worker: ${reason}`);
    this.permanent = refusal !== "no-workers";
  }
}

function isPermanent(thrown: unknown): boolean {
  return thrown instanceof JoinRefused
    ? thrown.permanent
    : thrown instanceof UncoupleError && thrown.code === "invalid-argument";
}
