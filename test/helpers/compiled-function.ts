import * as tf from "@tensorflow/tfjs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Graph } from "../../services/engine/compiler/graph/ir.ts";
import { emitOnnx } from "../../services/engine/compiler/onnx/emit-onnx.ts";
import { simplify } from "../../services/engine/compiler/passes/simplify.ts";
import { record } from "../../services/engine/compiler/tracing/trace-backend.ts";
import { createTfjsSandbox } from "../../services/engine/tfjs/tfjs-sandbox.ts";
import { numbers } from "./dense-program.ts";

/** A tfjs function of tensors; its result may be a list. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

export interface TensorValues {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

/** An input of a function under test: a shape with repeatable numbers, or numbers of its own. */
export type TestInput = {
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  readonly int?: boolean;
};

const sandbox = createTfjsSandbox("cpu");

export function inputValues(input: TestInput, index: number): number[] {
  const size = input.shape.reduce((product, dimension) => product * dimension, 1);
  return [...(input.values ?? numbers(size, index + 3))];
}

export function runEagerly(work: TensorFunction, inputs: readonly TestInput[]): TensorValues[] {
  return sandbox.run(() => {
    const tensors = inputs.map((input, index) =>
      tf.tensor(inputValues(input, index), [...input.shape], input.int ? "int32" : "float32"),
    );
    return [work(...tensors)].flat().map((tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      values: [...tensor.dataSync()].map(Number),
    }));
  });
}

/** The graph of a function, simplified or as it was recorded. */
export function graphOf(work: TensorFunction, inputs: readonly TestInput[], passes = simplify): Graph {
  const { nodes, result } = record(sandbox, (recorder) => {
    const parameters = inputs.map((input) => recorder.input(input.shape, input.int ? "int32" : "float32"));
    const outputs = [work(...parameters.map(({ tensor }) => tensor))].flat();
    return {
      inputs: parameters.map(({ value }, index) => ({ name: `in${index}`, value })),
      outputs: outputs.map((tensor, index) => ({ name: `out${index}`, value: recorder.valueFor(tensor) })),
    };
  });
  return passes({ ...result, nodes });
}

export async function runGraph(graph: Graph, inputs: readonly TestInput[]): Promise<TensorValues[]> {
  const session = await InferenceSession.create(emitOnnx(graph), {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const feeds: Record<string, Tensor> = {};
    inputs.forEach((input, index) => {
      const values = inputValues(input, index);
      const shape = [...input.shape];
      feeds[`in${index}`] = input.int
        ? new Tensor("int32", Int32Array.from(values), shape)
        : new Tensor("float32", Float32Array.from(values), shape);
    });
    const results = await session.run(feeds);
    return graph.outputs.map(({ name }) => {
      const tensor = results[name] as Tensor;
      return { shape: [...tensor.dims], dtype: tensor.type, values: Array.from(tensor.data as Float32Array, Number) };
    });
  } finally {
    await session.release();
  }
}

export async function runCompiled(work: TensorFunction, inputs: readonly TestInput[]): Promise<TensorValues[]> {
  return runGraph(graphOf(work, inputs), inputs);
}

/** The first difference between two results beyond the tolerance, or undefined. */
export function difference(
  actual: readonly TensorValues[],
  expected: readonly TensorValues[],
  tolerance: number,
): string | undefined {
  for (const [index, wanted] of expected.entries()) {
    const got = actual[index];
    if (got?.shape.join() !== wanted.shape.join())
      return `output ${index}: shape [${got?.shape}], not [${wanted.shape}]`;
    if (got.dtype !== wanted.dtype) return `output ${index}: ${got.dtype}, not ${wanted.dtype}`;
    for (const [position, value] of wanted.values.entries()) {
      const ours = got.values[position] as number;
      const same =
        Object.is(ours, value) || ours === value || Math.abs(ours - value) <= tolerance * Math.max(1, Math.abs(value));
      if (!same) return `output ${index}[${position}]: ${ours}, not ${value}`;
    }
  }
  return undefined;
}
