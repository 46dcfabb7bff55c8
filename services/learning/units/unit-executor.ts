import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { PackedState } from "../../engine/interface/packed-state.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import { unpackProgram } from "../../engine/shipped/packed-program.ts";
import type { ShippedEngines } from "../../engine/shipped/shipped-engines.ts";
import type { ShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import type { RowMatrix } from "../dataset/row-matrix.ts";
import { createChunkSizes } from "../training/chunk-sizes.ts";
import { WINDOWS_BYTES } from "../training/row-windows.ts";
import { openTraining, type SteppedTraining } from "../training/stepped-training.ts";
import { SpilledColumns, trainingColumns } from "../training/training-columns.ts";
import type { Blob, JobBlob, Unit, UnitJob, UnitResult } from "./unit.ts";

export interface UnitExecutorDeps {
  readonly engines: ShippedEngines;
  readonly clock: Clock;
  /**
   * Finds the bytes that a job names.
   * @throws UncoupleError `not-found` if nobody has them any more; the reason of the signal
   */
  blob(digest: string, signal?: AbortSignal): Promise<JobBlob>;
}

/** Runs units of jobs in this process. */
export interface UnitExecutor {
  /**
   * Runs a unit. Calls may overlap: each has an engine session of its own, which is kept for the next unit of its job.
   *
   * @param key names the job: equal keys, equal jobs
   * @param onProgress called with the steps done, every few tens of milliseconds
   * @throws UncoupleError `data-loss` for bytes that are not what they are named, `invalid-argument` for a program that the
   *   engine cannot run; the reason of the signal once it is aborted, within a few tens of milliseconds
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
}

/** Sessions kept for later units, and the bytes of their columns; the least recently used are closed first. */
const SESSIONS_KEPT = 16;
const BYTES_KEPT = 256 * 2 ** 20;

export function createUnitExecutor(engineName: ShippingEngine, deps: UnitExecutorDeps): UnitExecutor {
  const { engines, clock } = deps;
  let idle: OpenSession[] = [];
  /** Spilled columns of the jobs, by key. */
  const joined = new Map<string, SpilledColumns>();

  async function columnsOf(
    { columns, rows }: UnitJob,
    { resident }: TrainingProgram,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, RowMatrix>> {
    const matrices: Record<string, RowMatrix> = {};
    for (const [name, { width }] of Object.entries(resident)) {
      const digest = columns[name];
      if (digest === undefined) throw new UncoupleError("invalid-argument", `the job has no column ${name}`);
      const blob = await deps.blob(digest, signal);
      matrices[name] = "path" in blob ? { path: blob.path, rows, width } : { width, values: floats(blob) };
    }
    return matrices;
  }

  async function open(key: string, job: UnitJob, slot: number, signal: AbortSignal | undefined): Promise<OpenSession> {
    const packed = await deps.blob(job.program, signal);
    if ("path" in packed) throw new UncoupleError("internal", "a program is never spilled");
    const unpacked = await unpackProgram(packed);
    const { engine, program } = engines.of(engineName, unpacked);
    const data = joined.get(key) ?? trainingColumns(await columnsOf(job, program, signal));
    if (data instanceof SpilledColumns) joined.set(key, data);
    const peak: TrainingProgram = { ...program, optimizer: { name: "sgd", learningRate: job.learningRate } };
    const { rows, steps, schedule, seed } = job;
    const isSpilled = data instanceof SpilledColumns;
    const bytes = isSpilled ? WINDOWS_BYTES : Object.values(data).reduce((sum, column) => sum + column.byteLength, 0);
    return {
      key,
      slot: isSpilled ? slot : undefined,
      bytes,
      training: await openTraining({ engine, program: peak, data, rows, steps, schedule, seed }),
    };
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
    while (idle.length > SESSIONS_KEPT || (idle.length > 1 && bytes() > BYTES_KEPT)) {
      await idle.shift()?.training.dispose();
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
      joined.delete(key);
      for (const { training } of ended) await training.dispose();
    },
    async dispose() {
      const ended = idle;
      idle = [];
      for (const { training } of ended) await training.dispose();
    },
  };
}

function floats({ digest, bytes }: Blob): Float32Array {
  if (bytes.byteLength % 4 !== 0)
    throw new UncoupleError("data-loss", `column ${digest} has ${bytes.byteLength} bytes`);
  // A view where the bytes begin at a multiple of four, a copy elsewhere.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
