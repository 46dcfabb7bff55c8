import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { PackedState } from "../../engine/interface/packed-state.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import { unpackProgram } from "../../engine/shipped/packed-program.ts";
import type { ShippedEngines } from "../../engine/shipped/shipped-engines.ts";
import type { ShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import { createChunkSizes } from "../training/chunk-sizes.ts";
import { WINDOWS_BYTES } from "../training/row-windows.ts";
import { openTraining, type SteppedTraining } from "../training/stepped-training.ts";
import { SpilledColumns } from "../training/training-columns.ts";
import { createJobColumns, type HeldColumns, type JobColumnsDeps } from "./job-columns.ts";
import type { Unit, UnitJob, UnitResult } from "./unit.ts";

export interface UnitExecutorDeps extends JobColumnsDeps {
  readonly engines: ShippedEngines;
  readonly clock: Clock;
  /** Bytes of columns and windows of sessions that are kept for later units; defaults to 256 MiB. */
  readonly idleBytes?: number;
}

/** Runs units of jobs in this process. */
export interface UnitExecutor {
  /**
   * Runs a unit. Calls may overlap: each has an engine session of its own, which is kept for the next unit of its job.
   *
   * @param key names the job: equal keys, equal jobs
   * @param onProgress called with the steps done, every few tens of milliseconds
   * @throws UncoupleError as `JobColumns.hold`; `data-loss` for bytes that are not what they are named, `invalid-argument` for
   *   a program that the engine cannot run; the reason of the signal once it is aborted, within a few tens of milliseconds
   */
  run(
    key: string,
    job: UnitJob,
    unit: Unit,
    state: PackedState,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (steps: number) => void },
  ): Promise<UnitResult>;
  /** Frees the sessions of a job that are not running. */
  forget(key: string): Promise<void>;
  dispose(): Promise<void>;
}

interface OpenSession {
  readonly key: string;
  /** The only slot that it runs, if its columns are spilled: each slot has windows of its own. */
  readonly slot: number | undefined;
  /** Of its columns, which the engine holds a copy of, or of its windows. */
  readonly bytes: number;
  readonly training: SteppedTraining;
  readonly columns: HeldColumns;
}

/** Sessions kept for later units, and the bytes of their columns; the least recently used are closed first. */
const SESSIONS_KEPT = 16;
const IDLE_BYTES = 256 * 2 ** 20;

export function createUnitExecutor(engineName: ShippingEngine, deps: UnitExecutorDeps): UnitExecutor {
  const { engines, clock, idleBytes = IDLE_BYTES } = deps;
  const jobColumns = createJobColumns(deps);
  let idle: OpenSession[] = [];

  async function open(key: string, job: UnitJob, slot: number, signal: AbortSignal | undefined): Promise<OpenSession> {
    const packed = await deps.blob(job.program, signal);
    if ("path" in packed) throw new UncoupleError("internal", "a program is never spilled");
    const unpacked = await unpackProgram(packed);
    const { engine, program } = engines.of(engineName, unpacked);
    const columns = await jobColumns.hold(key, job, program, signal);
    try {
      const { data } = columns;
      const peak: TrainingProgram = { ...program, optimizer: { name: "sgd", learningRate: job.learningRate } };
      const { rows, steps, schedule, seed } = job;
      const isSpilled = data instanceof SpilledColumns;
      return {
        key,
        slot: isSpilled ? slot : undefined,
        bytes: isSpilled ? WINDOWS_BYTES : Object.values(data).reduce((sum, column) => sum + column.byteLength, 0),
        columns,
        training: await openTraining({ engine, program: peak, data, rows, steps, schedule, seed }),
      };
    } catch (thrown) {
      await columns.release();
      throw thrown;
    }
  }

  async function close({ training, columns }: OpenSession): Promise<void> {
    await training.dispose();
    await columns.release();
  }

  async function take(key: string, job: UnitJob, slot: number, signal: AbortSignal | undefined): Promise<OpenSession> {
    const known = idle.find((session) => session.key === key && (session.slot ?? slot) === slot);
    if (known === undefined) return open(key, job, slot, signal);
    idle = idle.filter((session) => session !== known);
    return known;
  }

  async function giveBack(session: OpenSession): Promise<void> {
    idle.push(session);
    const bytes = () => idle.reduce((sum, one) => sum + one.bytes, 0);
    // The latest is kept in any case: its next unit is likely to come.
    while (idle.length > SESSIONS_KEPT || (idle.length > 1 && bytes() > idleBytes)) {
      await close(idle.shift() as OpenSession);
    }
  }

  return {
    async run(key, job, { slot, first, count }, state, { signal, onProgress } = {}) {
      const session = await take(key, job, slot, signal);
      const { training } = session;
      try {
        await training.put({ step: first, slot, state });
        const sizes = createChunkSizes(clock);
        const losses = new Float32Array(count);
        let done = 0;
        let steps = Math.min(sizes.size(), count);
        while (done < count) {
          signal?.throwIfAborted();
          const [now, following] = [steps, Math.min(sizes.size(), count - done - steps)];
          const { result } = await sizes.measure(now, () => training.advance(now, following));
          losses.set(result, done);
          done += now;
          steps = following;
          onProgress?.(done);
        }
        const { state: end } = await training.take();
        return { state: end, losses };
      } finally {
        await giveBack(session);
      }
    },
    async forget(key) {
      const ended = idle.filter((session) => session.key === key);
      idle = idle.filter((session) => session.key !== key);
      for (const session of ended) await close(session);
    },
    async dispose() {
      const ended = idle;
      idle = [];
      for (const session of ended) await close(session);
    },
  };
}
