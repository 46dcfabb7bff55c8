import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { numericsClass } from "../engine/interface/numerics.ts";
import { createShippedEngines } from "../engine/shipped/shipped-engines.ts";
import type { ShippingEngine } from "../engine/shipped/shipping-engine.ts";
import type { ColumnFiles } from "../learning/units/job-columns.ts";
import { createUnitExecutor, type UnitExecutor } from "../learning/units/unit-executor.ts";
import type { WorkerEngine } from "../rpc/services/coordinator-service.ts";
import type { BlobCache } from "./blob-cache.ts";

/** The engines on which a worker runs units. */
export interface WorkerExecutors {
  readonly engines: readonly WorkerEngine[];
  /** Units at a time. */
  readonly parallel: number;
  /** Whether an engine uses all processors for one unit, so that no other should run beside it. */
  isExclusive(engine: string): boolean;
  /** @throws UncoupleError `invalid-argument` for an engine that this worker does not offer */
  of(engine: string): UnitExecutor;
  dispose(): Promise<void>;
}

/** Every processor has these. GPUs are offered by name only. */
export const DEFAULT_ENGINES: readonly ShippingEngine[] = ["wasm", "onnx:cpu"];

export interface ExecutorDeps {
  /** Units at a time on wasm. */
  readonly parallel: number;
  /** Threads of a unit on onnx:cpu; default: the available processors. */
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly blobs: BlobCache;
  readonly files: ColumnFiles;
  /** As `UnitExecutorDeps.idleBytes`. */
  readonly idleBytes: number;
}

export function createExecutors(
  names: readonly ShippingEngine[],
  { parallel, threads, clock, blobs, files, idleBytes }: ExecutorDeps,
): WorkerExecutors {
  const engines = createShippedEngines(clock, threads);
  const blob: BlobCache["get"] = (digest, signal) => blobs.get(digest, signal);
  const executors = new Map<string, UnitExecutor>(
    names.map((name) => [name, createUnitExecutor(name, { engines, clock, blob, files, idleBytes })]),
  );
  return {
    engines: names.map((engine) => ({ engine, numerics: numericsClass(engine) })),
    parallel: names.includes("wasm") ? parallel : 1,
    isExclusive: (engine) => engine !== "wasm",
    of(engine) {
      const executor = executors.get(engine);
      if (executor !== undefined) return executor;
      throw new UncoupleError("invalid-argument", `this worker runs ${names.join(", ")}, not ${engine}`);
    },
    async dispose() {
      for (const executor of executors.values()) await executor.dispose();
    },
  };
}
