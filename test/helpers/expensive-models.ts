import type { ModelProto, NodeProto, TensorProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import type { SnapshotContract } from "../../services/learning/snapshot/snapshot-model.ts";

/** x [rows, 1] to y [rows, 1]. */
export const oneToOne: SnapshotContract = {
  inputs: [{ name: "x", kind: "numeric", width: 1 }],
  output: { name: "y", kind: "numeric", width: 1 },
};

/** A model of one input that other software could have written. */
export function onnxOf(
  { inputs: [input], output }: SnapshotContract,
  nodes: readonly NodeProto[],
  initializers: readonly TensorProto[] = [],
): Uint8Array {
  const value = (name: string, width: number) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "rows" }, { dimValue: width }] } } },
  });
  const model: ModelProto = {
    irVersion: 8,
    producerName: "test",
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "graph",
      node: [...nodes],
      initializer: [...initializers],
      input: input === undefined ? [] : [value(input.name, input.width)],
      output: [value(output.name, output.width)],
    },
  };
  return encodeModel(model);
}

export function floats(
  name: string,
  dims: readonly [number, number],
  valueAt: (row: number, column: number) => number,
) {
  const [rows, columns] = dims;
  const values = Float32Array.from({ length: rows * columns }, (_, at) =>
    valueAt(Math.floor(at / columns), at % columns),
  );
  return { name, dims: [...dims], dataType: 1, rawData: new Uint8Array(values.buffer) } satisfies TensorProto;
}

/** y = 2 x in ONNX Runtime. @param name of the weight, so that models of one function have different digests */
export function doubling(name = "two"): Uint8Array {
  return onnxOf(oneToOne, [{ opType: "Mul", input: ["x", name], output: ["y"] }], [floats(name, [1, 1], () => 2)]);
}

/** Each output is the sum of the inputs, after `products` products of [rows, width] and [width, width], a power of 2. */
export function slow(products: number, width: number, contract: SnapshotContract = oneToOne): Uint8Array {
  const [input] = contract.inputs as [SnapshotContract["inputs"][0]];
  const nodes: NodeProto[] = [{ opType: "MatMul", input: [input.name, "spread"], output: ["v0"] }];
  for (let index = 0; index < products; index++) {
    nodes.push({ opType: "MatMul", input: [`v${index}`, "identity"], output: [`v${index + 1}`] });
  }
  nodes.push({ opType: "MatMul", input: [`v${products}`, "gather"], output: [contract.output.name] });
  return onnxOf(contract, nodes, [
    floats("spread", [input.width, width], () => 1 / width),
    floats("identity", [width, width], (row, column) => (row === column ? 1 : 0)),
    floats("gather", [width, contract.output.width], () => 1),
  ]);
}

/** Takes 8 bytes of memory for each row of a batch and each column. */
export function greedy(columns: number, contract: SnapshotContract = oneToOne): Uint8Array {
  const [input] = contract.inputs as [SnapshotContract["inputs"][0]];
  return onnxOf(
    contract,
    [
      { opType: "MatMul", input: [input.name, "spread"], output: ["wide"] },
      { opType: "Sin", input: ["wide"], output: ["wider"] },
      { opType: "MatMul", input: ["wider", "gather"], output: [contract.output.name] },
    ],
    [floats("spread", [input.width, columns], () => 1), floats("gather", [columns, contract.output.width], () => 1)],
  );
}

/** y = x minus the mean of x over all rows of the call. */
export function centering(): Uint8Array {
  return onnxOf(oneToOne, [
    { opType: "ReduceMean", input: ["x"], output: ["mean"], attribute: [{ name: "axes", type: 7, ints: [0] }] },
    { opType: "Sub", input: ["x", "mean"], output: ["y"] },
  ]);
}
