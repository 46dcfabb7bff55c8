import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { RemoteCoordinator } from "../rpc/client/coordinator-client.ts";
import type { JoinedWorker, WorkerBeat } from "../rpc/services/coordinator-service.ts";

/** A leased unit while this worker has it. */
export interface UnitInWork {
  /** Aborts when the trainer does not want the unit any more, or the worker gives it up. */
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Counts work, in any unit: beats show that it grows. */
  advance(amount: number): void;
  /** While fetching, bytes that arrive from whatever transfer count as its work. */
  phase: "fetching" | "computing" | "submitting";
}

/** A connection to a trainer that has taken this worker in. */
export interface Session {
  readonly joined: JoinedWorker;
  readonly coordinator: RemoteCoordinator;
  /** Aborts when the connection is given up. */
  readonly ended: AbortSignal;
  /** Gives the connection up. */
  fail(thrown: unknown): void;
  /** Reports a unit in beats from now on. */
  begin(lease: string): UnitInWork;
  end(lease: string): void;
  /** Counts bytes fetched as work of every unit that waits for bytes. */
  received(bytes: number): void;
}

export interface OpenSession extends Session {
  /**
   * Beats until the session ends. Yields for each beat that was answered.
   * @throws UncoupleError when the trainer ends the stream
   */
  beat(): AsyncIterable<void>;
}

/** The reason with which a unit aborts that the trainer does not want any more. */
export const ABANDONED = new UncoupleError("cancelled", "the trainer does not want the unit any more");

export function createSession(
  address: string,
  joined: JoinedWorker,
  coordinator: RemoteCoordinator,
  clock: Clock,
): OpenSession {
  const { worker, beatMs, silenceMs } = joined;
  const ended = new AbortController();
  const units = new Map<string, UnitInWork & { readonly work: number }>();
  let answered = clock.elapsed();

  const fail = (thrown: unknown) => {
    if (!ended.signal.aborted) ended.abort(asUncoupleError(thrown));
  };

  async function* beats(): AsyncGenerator<WorkerBeat, void, undefined> {
    while (!ended.signal.aborted) {
      const silence = clock.elapsed() - answered;
      if (silence > silenceMs) {
        const message = `no answer to beats from ${address} for ${Math.round(silence)} ms`;
        return fail(new UncoupleError("deadline-exceeded", message));
      }
      yield { worker, units: [...units].map(([lease, { work }]) => ({ lease, work })) };
      await clock.sleep(beatMs, ended.signal).catch(() => {});
    }
  }

  return {
    joined,
    coordinator,
    ended: ended.signal,
    fail,
    begin(lease) {
      const controller = new AbortController();
      let work = 0;
      const unit = {
        signal: controller.signal,
        abort: (reason: unknown) => controller.abort(reason),
        advance: (amount: number) => {
          work += amount;
        },
        get work() {
          return work;
        },
        phase: "fetching" as UnitInWork["phase"],
      };
      units.set(lease, unit);
      return unit;
    },
    end: (lease) => void units.delete(lease),
    received(bytes) {
      for (const unit of units.values()) if (unit.phase === "fetching") unit.advance(bytes);
    },
    async *beat() {
      for await (const abandon of coordinator.beat(beats(), ended.signal)) {
        answered = clock.elapsed();
        for (const lease of abandon) units.get(lease)?.abort(ABANDONED);
        yield;
      }
      if (!ended.signal.aborted) throw new UncoupleError("unavailable", `${address} ended the connection`);
    },
  };
}
