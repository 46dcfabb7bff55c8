import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createVirtualClock, type VirtualClock } from "../../services/common/clock/virtual-clock.ts";
import { packState } from "../../services/engine/interface/packed-state.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import type { TrainingRun } from "../../services/learning/training/run-training.ts";
import { runInUnits, type UnitPlan } from "../../services/learning/units/run-in-units.ts";
import type { NumericsRule, UnitRunner } from "../../services/learning/units/unit.ts";
import type {
  Coordinator,
  CoordinatorSettings,
  RanUnit,
  UnitLimits,
} from "../../services/trainer/coordinator/coordinator.ts";
import { createCoordinator } from "../../services/trainer/coordinator/create-coordinator.ts";
import type { Note } from "../../services/trainer/coordinator/machine/events.ts";
import { adam, denseProgram, numbers } from "./dense-program.ts";

const ROWS = 60;
export const RULE: NumericsRule = { numerics: "exact", fallback: "local", audit: 0 };
export const PLAN: UnitPlan = { slots: 4, syncEvery: 10 };
const engine = createWasmEngine({ clock: systemClock });

/** A small training: 64 steps of 3-5-1. */
export function smallTraining(over: Partial<TrainingRun> = {}): TrainingRun {
  const program = denseProgram({ widths: [3, 5, 1], batch: 8, optimizer: adam, loss: "mse", seed: 3 });
  const data = Object.fromEntries(
    Object.entries(program.resident).map(([name, { width }], index) => [name, numbers(ROWS * width, index + 1)]),
  );
  const schedule = { warmup: 5, decay: "cosine" } as const;
  return { engine, program, data, rows: ROWS, steps: 64, schedule, seed: 7, ...over };
}

/** @returns the digest of the state at the end */
export async function train(
  runner: UnitRunner,
  rule: Partial<NumericsRule> = {},
  over: Partial<TrainingRun> = {},
  plan: UnitPlan = PLAN,
): Promise<string> {
  const { state, loss } = await runInUnits(smallTraining(over), plan, runner, { ...RULE, ...rule });
  return `${(await packState(state)).digest} ${loss}`;
}

export interface CoordinatorWorld {
  readonly coordinator: Coordinator;
  readonly clock: VirtualClock;
  readonly notes: readonly Note[];
  readonly ran: readonly RanUnit[];
}

/** A coordinator under a clock that only tests move. */
export function createWorld(over: Partial<CoordinatorSettings> = {}, limits?: UnitLimits): CoordinatorWorld {
  const clock = createVirtualClock();
  const notes: Note[] = [];
  const ran: RanUnit[] = [];
  const settings = { pipeline: "shop", component: "m1", codeVersion: "1", incarnation: 1, enabled: true, ...over };
  const observer = {
    note: (note: Note) => void notes.push(note),
    ran: (unit: RanUnit) => void ran.push(unit),
    exchanged() {},
  };
  const coordinator = createCoordinator(settings, { clock, observer, cpus: 2, ...(limits && { limits }) });
  return { coordinator, clock, notes, ran };
}

/** Moves time on until the work has ended. */
export async function whileTimePasses<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const end = () => {
    over = true;
  };
  work.then(end, end);
  while (!over) {
    // Units take real time.
    await systemClock.sleep(2);
    await clock.advance(250);
  }
  return work;
}
