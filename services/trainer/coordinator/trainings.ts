import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import type { PackedState } from "../../engine/interface/packed-state.ts";
import { isShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import type { OpenUnits, UnitJob, UnitResult, UnitTraining } from "../../learning/units/unit.ts";
import type { BlobStore } from "./blob-store.ts";
import type { LocalJob, LocalUnits } from "./local-units.ts";
import { type JobSpec, type UnitName, unitKey } from "./machine/state.ts";
import type { MachineDriver } from "./machine-driver.ts";

/** The trainings whose units are handed out, with the bytes of their states. */
export interface Trainings {
  /** As `UnitRunner.open`. */
  open(request: OpenUnits): Promise<UnitTraining>;
  job(id: string): LocalJob | undefined;
  /** The state at the start of an open unit. */
  base(unit: string): PackedState | undefined;
  /** Keeps a valid result until its unit is over. */
  keep(unit: string, digest: string, result: UnitResult): void;
  finish(unit: string, digest: string): void;
  fail(unit: string, error: unknown): void;
  /** Fails all units. */
  close(error: unknown): void;
}

interface OpenJob extends LocalJob {
  readonly spec: JobSpec;
  /** Equal trainings share it. */
  users: number;
  readonly digests: readonly string[];
}

interface OpenUnit {
  readonly name: UnitName;
  readonly base: PackedState;
  readonly results: Map<string, UnitResult>;
  readonly waiters: Set<Waiter>;
}

interface Waiter {
  resolve(result: UnitResult): void;
  reject(error: unknown): void;
}

/** @param cpus most units that the trainer runs at a time on `wasm` @param workers whether there can be any */
export function createTrainings(
  blobs: BlobStore,
  local: LocalUnits,
  cpus: number,
  workers: boolean,
  machine: () => MachineDriver,
): Trainings {
  const jobs = new Map<string, OpenJob>();
  const units = new Map<string, OpenUnit>();

  /** Ends a unit. @returns it */
  function take(key: string): OpenUnit | undefined {
    const unit = units.get(key);
    if (unit === undefined) return undefined;
    units.delete(key);
    blobs.release(unit.base.digest);
    return unit;
  }

  function openUnit(name: UnitName, base: PackedState): OpenUnit {
    const key = unitKey(name);
    const known = units.get(key);
    if (known !== undefined) return known;
    const opened: OpenUnit = { name, base, results: new Map(), waiters: new Set() };
    units.set(key, opened);
    blobs.hold(base);
    machine().dispatch({ type: "unit-opened", unit: name });
    return opened;
  }

  /** Runs a unit for one more caller. */
  async function run(name: UnitName, base: PackedState, signal: AbortSignal | undefined): Promise<UnitResult> {
    signal?.throwIfAborted();
    const key = unitKey(name);
    const unit = openUnit(name, base);
    return new Promise((resolve, reject) => {
      const stop = () => {
        unit.waiters.delete(waiter);
        if (unit.waiters.size === 0 && take(key) !== undefined) machine().dispatch({ type: "unit-closed", unit: name });
        reject(signal?.reason);
      };
      const over = () => signal?.removeEventListener("abort", stop);
      const waiter: Waiter = {
        resolve(result) {
          over();
          resolve(result);
        },
        reject(error) {
          over();
          reject(error);
        },
      };
      unit.waiters.add(waiter);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  async function release(job: OpenJob): Promise<void> {
    job.users--;
    if (job.users > 0) return;
    jobs.delete(job.id);
    machine().dispatch({ type: "job-closed", job: job.id });
    for (const digest of job.digests) blobs.release(digest);
    await local.forget(job);
  }

  return {
    async open({ job, blobs: named, initial, engine, rule, signal }) {
      signal?.throwIfAborted();
      if (!isShippingEngine(engine.name)) throw new UncoupleError("internal", `units do not run on ${engine.name}`);
      const pinned = rule.numerics === "exact" ? (rule.begun ?? engine.numerics) : engine.numerics;
      const here = pinned === engine.numerics;
      if (!here && (rule.fallback === "local" || !workers)) {
        throw new UncoupleError(
          "failed-precondition",
          `the training began in the numerics class ${pinned}, and this trainer runs ${engine.numerics}; ` +
            (workers
              ? "set workers.fallback to wait, and start a worker of that class"
              : "resume it on a machine of that class"),
        );
      }
      const spec: JobSpec = {
        job: await jobDigest(job),
        program: job.program,
        steps: job.steps,
        initial: initial.digest,
        pinned,
        numerics: rule.numerics,
        fallback: rule.fallback,
        audit: rule.audit,
        // ONNX Runtime uses several threads for one unit.
        local: !here ? 0 : engine.name === "wasm" ? cpus : 1,
      };
      const known = jobs.get(spec.job);
      if (known !== undefined && JSON.stringify(known.spec) !== JSON.stringify(spec)) {
        throw new UncoupleError("conflict", "an equal training is in progress under other rules");
      }
      const opened: OpenJob = known ?? {
        id: spec.job,
        job,
        engine: engine.name,
        spec,
        users: 0,
        digests: [initial, ...named].map(({ digest }) => digest),
      };
      opened.users++;
      if (known === undefined) {
        jobs.set(opened.id, opened);
        for (const blob of [initial, ...named]) blobs.hold(blob);
        machine().dispatch({ type: "job-opened", job: spec });
      }
      let closing: Promise<void> | undefined;
      return {
        engine: here ? engine : { ...engine, name: pinned.split("/")[0] as string, numerics: pinned },
        run: ({ slot, first, count }, state, stop) =>
          run({ job: opened.id, slot, first, count, base: state.digest }, state, stop),
        close() {
          closing ??= release(opened);
          return closing;
        },
      };
    },
    job: (id) => jobs.get(id),
    base: (key) => units.get(key)?.base,
    keep: (key, digest, result) => void units.get(key)?.results.set(digest, result),
    finish(key, digest) {
      const unit = take(key);
      const result = unit?.results.get(digest);
      for (const waiter of unit?.waiters ?? []) {
        if (result !== undefined) waiter.resolve(result);
        else waiter.reject(new UncoupleError("internal", `the result ${digest} of a unit was not kept`));
      }
    },
    fail(key, error) {
      for (const waiter of take(key)?.waiters ?? []) waiter.reject(error);
    },
    close(error) {
      for (const key of [...units.keys()]) for (const waiter of take(key)?.waiters ?? []) waiter.reject(error);
    },
  };
}

/** SHA-256 of a job. */
async function jobDigest({ program, columns, rows, steps, schedule, learningRate, seed }: UnitJob): Promise<string> {
  const named = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
  const { warmup, decay } = schedule;
  const text = JSON.stringify([program, named, rows, steps, warmup, decay, learningRate, seed]);
  return sha256(new TextEncoder().encode(text));
}
