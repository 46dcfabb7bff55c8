import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { PackedState } from "../../engine/interface/packed-state.ts";
import { createShippedEngines } from "../../engine/shipped/shipped-engines.ts";
import type { ShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import type { Unit, UnitJob, UnitResult } from "../../learning/units/unit.ts";
import { createUnitExecutor, type UnitExecutor } from "../../learning/units/unit-executor.ts";
import type { BlobStore } from "./blob-store.ts";

/** A job as this process runs it. */
export interface LocalJob {
  /** SHA-256 of the job. */
  readonly id: string;
  readonly job: UnitJob;
  readonly engine: ShippingEngine;
}

/** Runs units in the trainer. */
export interface LocalUnits {
  /**
   * @param name names this run
   * @returns nothing if it was stopped
   * @throws UncoupleError as `UnitExecutor.run`
   */
  run(name: string, job: LocalJob, unit: Unit, state: PackedState): Promise<UnitResult | undefined>;
  stop(name: string): void;
  /** Stops the runs of a job and frees its sessions. */
  forget(job: LocalJob): Promise<void>;
  close(): Promise<void>;
}

/** @param idleBytes as in `UnitExecutorDeps` */
export function createLocalUnits(clock: Clock, cpus: number, blobs: BlobStore, idleBytes?: number): LocalUnits {
  const engines = createShippedEngines(clock, cpus);
  const executors = new Map<ShippingEngine, UnitExecutor>();
  const running = new Map<string, { readonly job: string; readonly stop: AbortController; done: Promise<unknown> }>();

  function executorOf(engine: ShippingEngine): UnitExecutor {
    const known = executors.get(engine);
    if (known !== undefined) return known;
    const created = createUnitExecutor(engine, {
      engines,
      clock,
      ...(idleBytes !== undefined && { idleBytes }),
      async blob(digest) {
        const blob = blobs.get(digest);
        if (blob === undefined) throw new UncoupleError("not-found", `no open training names the bytes ${digest}`);
        return blob;
      },
    });
    executors.set(engine, created);
    return created;
  }

  async function stopAll(job: string | undefined): Promise<void> {
    const ending = [...running.values()].filter((run) => job === undefined || run.job === job);
    for (const { stop } of ending) stop.abort();
    await Promise.all(ending.map(({ done }) => done));
  }

  return {
    async run(name, { id, job, engine }, unit, state) {
      const stop = new AbortController();
      const work = executorOf(engine).run(id, job, unit, state, { signal: stop.signal });
      const done = work.then(
        () => {},
        () => {},
      );
      running.set(name, { job: id, stop, done });
      try {
        const result = await work;
        return stop.signal.aborted ? undefined : result;
      } catch (thrown) {
        if (stop.signal.aborted) return undefined;
        throw asUncoupleError(thrown);
      } finally {
        running.delete(name);
      }
    },
    stop: (name) => running.get(name)?.stop.abort(),
    async forget({ id, engine }) {
      await stopAll(id);
      await executors.get(engine)?.forget(id);
    },
    async close() {
      await stopAll(undefined);
      for (const executor of executors.values()) await executor.dispose();
      executors.clear();
    },
  };
}
