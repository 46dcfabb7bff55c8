import type * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import { createTfjsSandbox } from "../tfjs/tfjs-sandbox.ts";
import { constantValue, type Graph, type NamedValue, newValue, type Value } from "./graph/ir.ts";
import type { InferenceInput, InferenceProgram } from "./inference-program.ts";
import { emitOnnx, OPSET, type SymbolicShape } from "./onnx/emit-onnx.ts";
import { simplify } from "./passes/simplify.ts";
import { generalizeRows } from "./tracing/symbolic-rows.ts";
import { type Recorder, record } from "./tracing/trace-backend.ts";

/**
 * Row counts of the two recordings. Primes above any width that a model is likely to have, so that a width is not
 * taken for the number of rows.
 */
const ROWS = [1009, 1013] as const;

/** The name of the first dimension of every input and of the output. */
export const ROWS_DIMENSION = "rows";

/**
 * Compiles a trained model to an ONNX graph with its weights inside, for any number of rows: inputs and output have
 * the program's names and shape [rows, width]; a categorical input is a string tensor [rows, 1] and is one-hot encoded
 * in the graph, a string outside the vocabulary to zeros.
 *
 * @returns the serialized model and its operator set
 * @throws UncoupleError `invalid-argument` if a kernel of `predict` cannot be compiled, if it reads values, or if
 *   its rows influence each other's shapes, or when its output does not have the promised shape
 */
export function compileInference(program: InferenceProgram): { bytes: Uint8Array; opset: number } {
  const sandbox = createTfjsSandbox("cpu");
  const recorded = ROWS.map((rows) => {
    const { nodes, result } = record(sandbox, (recorder) => trace(program, recorder, rows));
    return { rows, graph: simplify({ ...result, nodes }) };
  });
  const [first, second] = recorded as [{ rows: number; graph: Graph }, { rows: number; graph: Graph }];
  const graph = generalizeRows(first, second);
  const shapes = new Map<Value, SymbolicShape>();
  for (const { value } of [...graph.inputs, ...graph.outputs]) {
    shapes.set(value, [ROWS_DIMENSION, ...value.shape.slice(1)]);
  }
  return { bytes: emitOnnx(graph, { shapes }), opset: OPSET };
}

function trace(program: InferenceProgram, recorder: Recorder, rows: number): Omit<Graph, "nodes"> {
  const inputs: NamedValue[] = [];
  const tensors: Record<string, tf.Tensor2D> = {};
  for (const input of program.inputs) {
    const value = rawInput(input, rows);
    inputs.push({ name: input.name, value });
    tensors[input.name] = recorder.tensorOf(encode(recorder, input, value)) as tf.Tensor2D;
  }
  const { output } = program;
  const prediction = program.predict(tensors);
  const value = recorder.valueFor(prediction);
  if (
    value.type !== "float32" ||
    value.shape.length !== 2 ||
    value.shape[0] !== rows ||
    value.shape[1] !== output.width
  ) {
    throw new UncoupleError(
      "invalid-argument",
      `the model's output ${output.name} has shape [${value.shape.map((n) => (n === rows ? "rows" : n))}] and type ` +
        `${value.type}; the pipeline wants float32 [rows, ${output.width}]`,
    );
  }
  return { inputs, outputs: [{ name: output.name, value }] };
}

function rawInput(input: InferenceInput, rows: number): Value {
  return input.kind === "numeric" ? newValue("float32", [rows, input.width]) : newValue("string", [rows, 1]);
}

/** One-hot encodes a categorical input in the graph; returns a numeric input unchanged. */
function encode(recorder: Recorder, input: InferenceInput, value: Value): Value {
  if (input.kind === "numeric") return value;
  const shape = [value.shape[0] as number, input.vocabulary.length];
  const vocabulary = constantValue("string", [1, input.vocabulary.length], input.vocabulary);
  const hit = recorder.add("Equal", [value, vocabulary], "bool", shape);
  return recorder.add("Cast", [hit], "float32", shape, { to: 1 });
}
