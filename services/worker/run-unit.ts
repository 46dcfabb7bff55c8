import { withEither } from "../common/async/with-either.ts";
import { type Clock, secondsSince } from "../common/clock/clock.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../common/errors.ts";
import type { SubmittedUnit, UnitFate, UnitLease } from "../rpc/services/coordinator-service.ts";
import type { Logger } from "../runtime/logs.ts";
import type { BlobCache } from "./blob-cache.ts";
import type { WorkerExecutors } from "./executors.ts";
import { ABANDONED, type Session, type UnitInWork } from "./session.ts";
import type { TrainerLink } from "./trainer-link.ts";

/** What became of a leased unit: the fate of its result, or why there is none. */
export type UnitEnd =
  | UnitFate
  /** The trainer did not want it any more. */
  | "abandoned"
  /** Handed back. */
  | "returned"
  /** The connection failed before there was a result, or the trainer did not take the result. */
  | "lost";

export const UNIT_ENDS: readonly UnitEnd[] = [
  "applied",
  "duplicate",
  "stale",
  "refused",
  "abandoned",
  "returned",
  "lost",
];

export interface RunUnitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: TrainerLink;
  readonly blobs: BlobCache;
  readonly executors: WorkerExecutors;
  /** Called with the number of bytes that were sent since the last call. */
  onSubmitted(bytes: number): void;
  /** Called when a unit has been computed, and its result is about to be sent. */
  onComputed(): void;
}

/** A unit that has ended. */
interface Computed {
  readonly result: Omit<SubmittedUnit, "worker">;
  /** The state at the end; none if the unit could not be run. */
  readonly bytes: Uint8Array;
}

const RETURN_SECONDS = 2;

/**
 * Runs a leased unit from its bytes to its fate. A result outlives its connection: it is submitted again, with the same
 * bytes, until the trainer tells its fate. Never throws.
 *
 * @param unit aborts to give the unit up; it is handed back unless the trainer abandoned it
 */
export async function runUnit(
  lease: UnitLease,
  unit: UnitInWork,
  session: Session,
  deps: RunUnitDeps,
): Promise<UnitEnd> {
  const { log } = deps;
  try {
    const computed = await compute(lease, unit, deps);
    unit.phase = "submitting";
    deps.onComputed();
    return await submit(computed, unit, deps);
  } catch (thrown) {
    if (unit.signal.reason === ABANDONED) return "abandoned";
    const error = asUncoupleError(thrown);
    // Outages are reported by the link.
    const level = unit.signal.aborted || isTransient(error) ? "debug" : "warn";
    log[level]({ error, lease: lease.lease }, `a unit was given up: ${error.message}`);
    return (await giveBack(lease, session)) ? "returned" : "lost";
  }
}

/** @returns whether the trainer took the unit back */
async function giveBack({ lease }: UnitLease, { coordinator, joined, ended }: Session): Promise<boolean> {
  if (ended.aborted) return false;
  return coordinator.returnUnit(joined.worker, lease, { deadlineSeconds: RETURN_SECONDS }).then(
    () => true,
    () => false,
  );
}

/**
 * Fetches what the unit needs and runs it. A failure of the engine is a result, too.
 * @throws UncoupleError `not-found` if the trainer does not have the bytes any more; transient if they cannot be fetched;
 *   the reason of the unit's signal
 */
async function compute(lease: UnitLease, unit: UnitInWork, deps: RunUnitDeps): Promise<Computed> {
  const { clock, log, blobs, executors } = deps;
  const { signal } = unit;
  const { job, slot, first, count, base } = lease;
  const began = clock.elapsed();
  const resultOf = (outcome: SubmittedUnit["outcome"]) => ({
    lease: lease.lease,
    ...{ job, slot, first, count, base },
    seconds: secondsSince(clock, began),
    outcome,
  });
  let done = 0;
  try {
    const state = await blobs.get(base, signal);
    const executor = executors.of(lease.engine);
    const onProgress = (steps: number) => {
      unit.phase = "computing";
      unit.advance(steps - done);
      done = steps;
    };
    const end = await executor.run(job, lease.work, { slot, first, count }, state, { signal, onProgress });
    // With one slot, it is the state at which the next unit starts.
    blobs.add(end.state);
    const { digest, bytes } = end.state;
    return { result: resultOf({ digest, size: bytes.byteLength, losses: end.losses }), bytes };
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    if (signal.aborted || isTransient(error) || error.code === "not-found") throw error;
    log.error({ error, engine: lease.engine, job }, `a unit could not be run: ${error.message}`);
    const { code, message } = error;
    return { result: resultOf({ error: { code, message } }), bytes: new Uint8Array(0) };
  }
}

/** @throws UncoupleError if the trainer does not take the result; the reason of the unit's signal */
async function submit({ result, bytes }: Computed, unit: UnitInWork, deps: RunUnitDeps): Promise<UnitFate> {
  const { log, link, onSubmitted } = deps;
  const onProgress = (sent: number) => {
    unit.advance(sent);
    onSubmitted(sent);
  };
  for (let unknown = 0; ; ) {
    const session = await link.session(unit.signal);
    try {
      const submitted = { ...result, worker: session.joined.worker };
      const { fate, reason } = await withEither(session.ended, unit.signal, (signal) =>
        session.coordinator.submit(submitted, bytes, { signal, onProgress }),
      );
      if (fate === "refused") log.warn({ lease: result.lease, reason }, `the trainer refused a result: ${reason}`);
      return fate;
    } catch (thrown) {
      unit.signal.throwIfAborted();
      const forgotten = thrown instanceof UncoupleError && thrown.code === "not-found";
      if (!session.ended.aborted && !isTransient(thrown) && !forgotten) throw thrown;
      // A trainer that does not know this worker, even though it has just joined again, has no use for the result.
      if (forgotten && ++unknown === 2) throw thrown;
      session.fail(thrown);
    }
  }
}
