import type { TrainingProgram, TrainingState } from "../interface/program.ts";
import type { Value } from "./graph/ir.ts";
import { emitOnnx, type SymbolicShape } from "./onnx/emit-onnx.ts";
import { wrapInScan } from "./onnx/epoch-scan.ts";
import type { StatePart } from "./passes/flat-state.ts";
import type { ScalarSchedule } from "./passes/scalar-schedule.ts";
import { optimize } from "./passes/simplify.ts";
import { prepareStep } from "./prepare-step.ts";
import { largestProduct } from "./step-work.ts";
import { type RecordedStep, recordStep } from "./tracing/record-step.ts";

/** A training program as one ONNX model that runs many steps in a call, with inputs and outputs named by `EPOCH_NAMES`. */
export interface CompiledTraining {
  /** Identical for all programs of the same shape: initial values are not included. */
  readonly bytes: Uint8Array;
  /** The state's tensors in each carried input, in the order of the inputs. The schedule holds the others. */
  readonly carried: readonly { readonly shape: readonly number[]; readonly parts: readonly StatePart[] }[];
  readonly schedule: ScalarSchedule;
  /** The inputs of the model, without resident columns and feeds that the loss does not depend on. */
  readonly resident: readonly string[];
  readonly feeds: readonly string[];
  readonly initial: TrainingState;
  /** Multiplications in the largest matrix product of a step; engines choose their threads by it. */
  readonly largestProduct: number;
  /** Number of nodes in the body, for tuning the passes. */
  readonly nodesAStep: number;
}

/**
 * Compiles a training program: records a step, simplifies it, lays variables and accumulators in flat vectors, computes
 * learning rates and other plain numbers ahead, and wraps the rest in a loop.
 *
 * @throws UncoupleError `invalid-argument` as `recordStep` does
 */
export function compileTraining(program: TrainingProgram): CompiledTraining {
  return compileStep(recordStep(program), program);
}

/** Compiles a recorded step. */
export function compileStep(recorded: RecordedStep, program: TrainingProgram): CompiledTraining {
  const { initial } = recorded;
  const { step, schedule } = prepareStep(recorded, optimize);
  const epoch = wrapInScan(step, new Set(Object.keys(program.resident)));
  const shapes = new Map<Value, SymbolicShape>();
  for (const [value, dimension] of epoch.open) shapes.set(value, [dimension, ...value.shape.slice(1)]);
  return {
    bytes: emitOnnx(epoch.graph, { shapes }),
    carried: step.carried.map(({ before, parts }) => ({ shape: before.shape, parts })),
    schedule,
    resident: epoch.resident,
    feeds: epoch.feeds,
    initial,
    largestProduct: largestProduct(step.nodes),
    nodesAStep: step.nodes.length,
  };
}
