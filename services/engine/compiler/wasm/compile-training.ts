import { ModuleBuilder } from "../../../common/wasm/module-builder.ts";
import { MEMORY, OP } from "../../../common/wasm/opcodes.ts";
import type { TrainingProgram, TrainingState } from "../../interface/program.ts";
import { type NamedValue, size, type Value } from "../graph/ir.ts";
import type { StatePart } from "../passes/flat-state.ts";
import type { ScalarSchedule } from "../passes/scalar-schedule.ts";
import { optimizeForWasm } from "../passes/simplify.ts";
import { prepareStep } from "../prepare-step.ts";
import { type StepWork, workOf } from "../step-work.ts";
import type { RecordedStep } from "../tracing/record-step.ts";
import { emitGather, type GatheredColumn } from "./emit/gather-batch.ts";
import { generateStep } from "./generate-step.ts";
import { align, type Home, SLACK_BYTES } from "./lower/memory-plan.ts";
import { multiplyByReciprocals } from "./lower/scheduled-divisors.ts";

/** What a module's memory holds, and what its function `run` takes. */
export interface TrainingLayout {
  /** Carried vectors: where they lie, and which tensors of the state they are made of. */
  readonly carried: readonly { readonly address: number; readonly parts: readonly StatePart[] }[];
  /**
   * Pointers that `run` takes after the number of steps, in this order: row numbers int32 [steps, batch], losses float32
   * [steps] to write, then for each scheduled number its column float32 [steps], for each resident column its values
   * [rows, width], for each feed its values [steps, batch, width].
   */
  readonly scheduled: number;
  readonly resident: readonly { readonly name: string; readonly width: number }[];
  readonly feeds: readonly { readonly name: string; readonly width: number }[];
  /** The feeds that would be resident if there were memory for them. */
  readonly streamed: readonly { readonly name: string; readonly width: number }[];
  /** First byte that is free for data. */
  readonly heap: number;
}

/** A training program as one WebAssembly module that runs many steps in a call. */
export interface WasmTraining {
  /** The same for every program of the same shape: initial values are not in it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: TrainingLayout;
  readonly schedule: ScalarSchedule;
  readonly initial: TrainingState;
  /** What a step computes; `auto` chooses an engine by it. */
  readonly work: StepWork;
}

/**
 * Compiles a recorded training step to WebAssembly.
 *
 * @throws UnsupportedOperator if the step holds an operator that is not generated
 */
export function compileWasmTraining(recorded: RecordedStep, program: TrainingProgram): WasmTraining {
  const { step, schedule } = prepareStep(recorded, optimizeForWasm);
  const read = new Set<Value>([step.loss, ...step.carried.map(({ after }) => after)]);
  for (const node of step.nodes) for (const input of node.inputs) if (input !== null) read.add(input);
  const columns = step.batch.filter(({ value }) => read.has(value));
  const resident = columns.filter(({ name }) => Object.hasOwn(program.resident, name));
  const feeds = columns.filter(({ name }) => !Object.hasOwn(program.resident, name));
  const streamed = feeds.filter(({ name }) => program.streamed?.includes(name));

  const module = new ModuleBuilder();
  const [indices, losses] = [module.global(), module.global()];
  const scheduledGlobals = step.scheduled.map(() => module.global());
  const residentGlobals = resident.map(() => module.global());
  const feedGlobals = feeds.map(() => module.global());
  const globals = [indices, losses, ...scheduledGlobals, ...residentGlobals, ...feedGlobals];

  const homes = new Map<Value, Home>();
  let end = SLACK_BYTES;
  const place = (value: Value): number => {
    const address = end;
    homes.set(value, { address });
    end = align(end + 4 * size(value.shape));
    return address;
  };
  const carried = step.carried.map(({ before, parts }) => ({ address: place(before), parts }));
  const gathered = resident.map(
    ({ value }, index): GatheredColumn => ({
      source: residentGlobals[index] as number,
      address: place(value),
      width: widthOf(value),
    }),
  );
  step.scheduled.forEach((value, index) => {
    homes.set(value, { base: scheduledGlobals[index] as number, address: 0 });
  });
  feeds.forEach(({ value }, index) => {
    homes.set(value, { base: feedGlobals[index] as number, address: 0 });
  });

  const gather = module.function({ parameters: [], results: [] }, (f) => {
    emitGather(f, indices, program.batch, gathered);
  });
  const slots = step.carried.filter(({ parts }) => parts.some(({ name }) => name.startsWith("optimiser/")));
  const generated = generateStep(module, {
    nodes: multiplyByReciprocals(step.nodes, step.scheduled),
    homes,
    kept: step.carried.map(({ before, after }) => ({ before, after })),
    // The moments of units that no longer fire fade into denormal numbers.
    flushed: new Set(slots.map(({ after }) => after)),
    results: [step.loss],
    from: end,
  });
  const loss = generated.results[0] as Home;
  const strides = [
    4 * program.batch,
    4,
    ...scheduledGlobals.map(() => 4),
    ...residentGlobals.map(() => 0),
    ...feeds.map(({ value }) => 4 * program.batch * widthOf(value)),
  ];
  const run = module.function({ parameters: ["i32", ...globals.map(() => "i32" as const)], results: [] }, (f) => {
    const steps = f.parameter(0);
    globals.forEach((global, index) => {
      f.get(f.parameter(index + 1)).globalSet(global);
    });
    f.repeat(() => {
      if (gathered.length > 0) f.call(gather);
      generated.emit(f);
      f.globalGet(losses);
      if (loss.base === undefined) f.i32(0);
      else f.globalGet(loss.base);
      f.memory(MEMORY.f32Load, loss.address).memory(MEMORY.f32Store, 0);
      globals.forEach((global, index) => {
        const stride = strides[index] as number;
        if (stride !== 0) f.globalGet(global).i32(stride).op(OP.i32Add).globalSet(global);
      });
      f.get(steps).i32(1).op(OP.i32Sub).tee(steps);
    });
  });
  module.export("run", run);
  const named = ({ name, value }: NamedValue) => ({ name, width: widthOf(value) });
  return {
    bytes: module.encode(generated.bytes + SLACK_BYTES, true),
    layout: {
      carried,
      scheduled: step.scheduled.length,
      resident: resident.map(named),
      feeds: feeds.map(named),
      streamed: streamed.map(named),
      heap: align(generated.bytes + SLACK_BYTES),
    },
    schedule,
    initial: recorded.initial,
    work: workOf(step.nodes, program.batch * (resident.length + streamed.length)),
  };
}

function widthOf(value: Value): number {
  return size(value.shape.slice(1));
}
