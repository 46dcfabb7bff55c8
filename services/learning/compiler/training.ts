import type { TrainingProgram, TrainingState } from "../program.ts";
import { emitOnnx, type SymbolicShape } from "./emit-onnx.ts";
import { wrapInLoop } from "./epoch-loop.ts";
import { type Graph, type Node, size, type Value } from "./ir.ts";
import { removeDeadNodes } from "./passes/dead-nodes.ts";
import { type FlatStep, flattenState, type StatePart } from "./passes/flat-state.ts";
import { simplify } from "./passes/simplify.ts";
import { applyToStep, recordStep } from "./step-graph.ts";

/** A training program as one ONNX model that runs many steps in a call, with inputs and outputs named by `LOOP_NAMES`. */
export interface CompiledTraining {
  /** The same for every program of the same shape: initial values are not in it. */
  readonly bytes: Uint8Array;
  /** The state's tensors in each carried input, in the order of the inputs. */
  readonly carried: readonly { readonly shape: readonly number[]; readonly parts: readonly StatePart[] }[];
  /** What the model reads: resident columns and feeds that the loss does not depend on are left out. */
  readonly resident: readonly string[];
  readonly feeds: readonly string[];
  readonly initial: TrainingState;
  /** Multiplications in the largest matrix product of a step, by which an engine chooses its threads. */
  readonly largestProduct: number;
  /** The body's nodes, for those who tune the passes. */
  readonly nodesAStep: number;
}

/**
 * Compiles a training program: records a step, simplifies it, lays variables and accumulators in flat vectors, and
 * wraps it in a loop.
 *
 * @throws UncoupleError `invalid-argument` as `recordStep` does
 */
export function compileTraining(program: TrainingProgram): CompiledTraining {
  const { step, initial } = recordStep(program);
  const flat = simplifyFlat(flattenState(applyToStep(step, simplify)));
  const loop = wrapInLoop(flat, new Set(Object.keys(program.resident)));
  const shapes = new Map<Value, SymbolicShape>();
  for (const [value, dimension] of loop.open) shapes.set(value, [dimension, ...value.shape.slice(1)]);
  return {
    bytes: emitOnnx(loop.graph, { shapes }),
    carried: flat.carried.map(({ before, parts }) => ({ shape: before.shape, parts })),
    resident: loop.resident,
    feeds: loop.feeds,
    initial,
    largestProduct: largestProduct(flat.nodes),
    nodesAStep: flat.nodes.length,
  };
}

function largestProduct(nodes: readonly Node[]): number {
  let largest = 0;
  for (const { op, inputs, outputs } of nodes) {
    if (op !== "Gemm" && op !== "MatMul") continue;
    const [a, b, c] = [inputs[0], inputs[1], outputs[0]].map((value) => size(value?.shape ?? []));
    // For [m, k] times [k, n] the product of the three sizes is (m k n)^2.
    largest = Math.max(largest, Math.sqrt((a as number) * (b as number) * (c as number)));
  }
  return largest;
}

function simplifyFlat(flat: FlatStep): FlatStep {
  const graph: Graph = removeDeadNodes(
    simplify({
      inputs: [],
      nodes: flat.nodes,
      outputs: [
        ...flat.carried.map(({ after }, index) => ({ name: String(index), value: after })),
        { name: "loss", value: flat.loss },
      ],
    }),
  );
  return {
    ...flat,
    nodes: graph.nodes,
    carried: flat.carried.map((state, index) => ({ ...state, after: graph.outputs[index]?.value as Value })),
    loss: graph.outputs.at(-1)?.value as Value,
  };
}
