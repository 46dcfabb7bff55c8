import { systemClock } from "../../services/common/clock/system-clock.ts";
import { packState } from "../../services/engine/interface/packed-state.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import {
  type RoundsRun,
  runRounds,
  type ShippedTraining,
  shipTraining,
  type UnitPlan,
} from "../../services/learning/units/run-in-units.ts";
import type { NumericsRule, UnitRunner } from "../../services/learning/units/unit.ts";
import { adam, denseProgram, numbers } from "./dense-program.ts";

export interface UnitTrainingSize {
  readonly widths: readonly number[];
  readonly batch: number;
  readonly rows?: number;
  readonly steps: number;
  readonly plan: UnitPlan;
}

/** A training in units that can be run again and again. */
export interface RepeatableTraining {
  readonly shipped: ShippedTraining;
  readonly plan: UnitPlan;
  /** Units of a training without faults. */
  readonly units: number;
  /** Runs all of it. @returns the digest of the state at the end, and the loss */
  run(runner: UnitRunner, rule?: Partial<NumericsRule>, over?: Partial<RoundsRun>): Promise<string>;
}

/** A dense network with Adam on the wasm engine. */
export async function repeatableTraining(size: UnitTrainingSize): Promise<RepeatableTraining> {
  const { widths, batch, rows = 2_000, steps, plan } = size;
  const program = denseProgram({ widths, batch, optimizer: adam, loss: "mse", seed: 3 });
  const data = Object.fromEntries(
    Object.entries(program.resident).map(([name, { width }], index) => [name, numbers(rows * width, index + 1)]),
  );
  const engine = createWasmEngine({ clock: systemClock });
  const schedule = { warmup: 5, decay: "cosine" } as const;
  const shipped = await shipTraining({ engine, program, data, rows, steps, schedule, seed: 7 });
  return {
    shipped,
    plan,
    units: plan.slots * Math.ceil(steps / plan.syncEvery),
    async run(runner, rule = {}, over = {}) {
      const { state, loss } = await runRounds(shipped, {
        clock: systemClock,
        plan,
        runner,
        rule: { numerics: "exact", fallback: "local", audit: 0, ...rule },
        ...over,
      });
      return `${(await packState(state)).digest} ${loss}`;
    },
  };
}
