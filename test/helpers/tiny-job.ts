import { createHash } from "node:crypto";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { sha256 } from "../../services/common/files/digest.ts";
import { recordStep } from "../../services/engine/compiler/tracing/record-step.ts";
import { type PackedState, packState } from "../../services/engine/interface/packed-state.ts";
import { packProgram } from "../../services/engine/shipped/packed-program.ts";
import { createShippedEngines } from "../../services/engine/shipped/shipped-engines.ts";
import type { ShippingEngine } from "../../services/engine/shipped/shipping-engine.ts";
import type { Blob, Unit, UnitJob, UnitResult } from "../../services/learning/units/unit.ts";
import { createUnitExecutor } from "../../services/learning/units/unit-executor.ts";
import { adam, denseProgram, numbers } from "./dense-program.ts";

/** A training as a trainer would hand it out. */
export interface ShippedJob {
  /** SHA-256 that names it. */
  readonly key: string;
  readonly job: UnitJob;
  readonly blobs: readonly Blob[];
  readonly initial: PackedState;
}

export interface TinyJobOptions {
  readonly widths?: readonly number[];
  readonly rows?: number;
  readonly steps?: number;
  readonly seed?: number;
}

/** A small network over random columns; with large widths, one whose state takes time to send. */
export async function tinyJob(options: TinyJobOptions = {}): Promise<ShippedJob> {
  const { widths = [3, 5, 1], rows = 60, steps = 100_000, seed = 7 } = options;
  const program = denseProgram({ widths, batch: 8, optimizer: adam, loss: "mse", seed: 3 });
  const recorded = recordStep(program);
  const packed = await packProgram(recorded, program);
  const columns: Record<string, string> = {};
  const blobs: Blob[] = [packed];
  for (const [index, [name, { width }]] of Object.entries(program.resident).entries()) {
    const bytes = new Uint8Array(numbers(rows * width, index + 1).buffer);
    const digest = await sha256(bytes);
    columns[name] = digest;
    blobs.push({ digest, bytes });
  }
  const schedule = { warmup: 5, decay: "cosine" } as const;
  const job: UnitJob = { program: packed.digest, columns, rows, steps, schedule, learningRate: 0.001, seed };
  const key = createHash("sha256").update(JSON.stringify(job)).digest("hex");
  return { key, job, blobs, initial: await packState(recorded.initial) };
}

/** Runs a unit in this process. */
export async function runHere(
  { key, job, blobs }: ShippedJob,
  unit: Unit,
  state: PackedState,
  engine: ShippingEngine = "wasm",
): Promise<UnitResult> {
  const executor = createUnitExecutor(engine, {
    engines: createShippedEngines(systemClock, 1),
    clock: systemClock,
    async blob(digest) {
      const blob = blobs.find((one) => one.digest === digest);
      if (blob === undefined) throw new Error(`no bytes ${digest}`);
      return blob;
    },
  });
  try {
    return await executor.run(key, job, unit, state);
  } finally {
    await executor.dispose();
  }
}
