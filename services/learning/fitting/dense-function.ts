import type { DenseLayer } from "../../data/source/oracle.ts";
import { GraphBuilder, newValue, type Value } from "../../engine/compiler/graph/ir.ts";
import { BLOCK_ROWS, type RowProgram } from "../../engine/compiler/row-program.ts";
import { RowFunction } from "../../engine/wasm/row-function.ts";
import { type Mapped, type Matrix, mapRows, type RowMatrix, rowsOf } from "../dataset/row-matrix.ts";

/**
 * Evaluates a dense network on every row of the inputs, concatenated by columns, in float32 and with the same bits on
 * every processor. Yields to the event loop every few milliseconds.
 */
export function evaluateDense<M extends RowMatrix>(
  layers: readonly DenseLayer[],
  inputs: readonly M[],
): Promise<Mapped<M>> {
  return mapRows(inputs, (block) => evaluateBlock(layers, block));
}

async function evaluateBlock(layers: readonly DenseLayer[], inputs: readonly Matrix[]): Promise<Matrix> {
  const rows = rowsOf(inputs[0] as Matrix);
  const values = await new RowFunction(denseProgram(layers, inputs)).evaluate(rows, (input, from, to, block) => {
    const { width, values: given } = inputs[input] as Matrix;
    block.set(given.subarray(from * width, to * width));
  });
  return { width: (layers.at(-1) as DenseLayer).outputs, values };
}

function denseProgram(layers: readonly DenseLayer[], inputs: readonly Matrix[]): RowProgram {
  const builder = new GraphBuilder();
  const parameters: { readonly value: Value; readonly values: Float32Array }[] = [];
  const parameter = (shape: readonly number[], values: Float32Array): Value => {
    const value = newValue("float32", shape);
    parameters.push({ value, values });
    return value;
  };
  const read = inputs.map(({ width }, index) => ({
    of: { name: `${index}`, kind: "numeric" as const, width },
    value: newValue("float32", [BLOCK_ROWS, width]),
  }));
  const width = inputs.reduce((sum, matrix) => sum + matrix.width, 0);
  const values = read.map(({ value }) => value);
  let x =
    values.length === 1
      ? (values[0] as Value)
      : builder.add("Concat", values, "float32", [BLOCK_ROWS, width], { axis: 1 });
  layers.forEach((layer, at) => {
    const shape = [BLOCK_ROWS, layer.outputs];
    const weights = parameter([layer.inputs, layer.outputs], layer.weights);
    const product = builder.add("Gemm", [x, weights], "float32", shape);
    x = builder.add("Add", [product, parameter([layer.outputs], layer.bias)], "float32", shape);
    if (at < layers.length - 1) x = builder.add("Relu", [x], "float32", shape);
  });
  return { inputs: read, parameters, output: { name: "output", value: x }, nodes: builder.nodes };
}
