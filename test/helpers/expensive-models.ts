import type { ModelProto, NodeProto, TensorProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import type { SnapshotContract } from "../../services/learning/snapshot/snapshot-model.ts";

/** The contract of the models below: x [rows, 1] to y [rows, 1]. */
export const oneToOne: SnapshotContract = {
  inputs: [{ name: "x", kind: "numeric", width: 1 }],
  output: { name: "y", kind: "numeric", width: 1 },
};

/** A model of x to y, [rows, 1] both, that other software could have written. */
export function onnxOf(nodes: readonly NodeProto[], initializers: readonly TensorProto[] = []): Uint8Array {
  const value = (name: string) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "rows" }, { dimValue: 1 }] } } },
  });
  const model: ModelProto = {
    irVersion: 8,
    producerName: "test",
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "graph",
      node: [...nodes],
      initializer: [...initializers],
      input: [value("x")],
      output: [value("y")],
    },
  };
  return encodeModel(model);
}

export function floats(name: string, dims: readonly number[], value = 1): TensorProto {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return { name, dims: [...dims], dataType: 1, rawData: new Uint8Array(new Float32Array(size).fill(value).buffer) };
}

/** y = 2 x in ONNX Runtime. @param name of the weight, so that models of one function have different digests */
export function doubling(name = "two"): Uint8Array {
  return onnxOf([{ opType: "Mul", input: ["x", name], output: ["y"] }], [floats(name, [1], 2)]);
}

/** y = x + 1 after `products` products of [rows, width] and [width, width]. */
export function slow(products: number, width = 1024): Uint8Array {
  const nodes: NodeProto[] = [{ opType: "MatMul", input: ["x", "spread"], output: ["v0"] }];
  for (let index = 0; index < products; index++) {
    nodes.push({ opType: "MatMul", input: [`v${index}`, "square"], output: [`v${index + 1}`] });
  }
  nodes.push(
    { opType: "MatMul", input: [`v${products}`, "gather"], output: ["zero"] },
    { opType: "Add", input: ["x", "zero"], output: ["partial"] },
    { opType: "Add", input: ["partial", "one"], output: ["y"] },
  );
  return onnxOf(nodes, [
    floats("spread", [1, width]),
    floats("square", [width, width], 0),
    floats("gather", [width, 1], 0),
    floats("one", [1]),
  ]);
}

/** Takes 8 bytes of memory for each row of a batch and each column. */
export function greedy(columns: number): Uint8Array {
  return onnxOf(
    [
      { opType: "MatMul", input: ["x", "spread"], output: ["wide"] },
      { opType: "Sin", input: ["wide"], output: ["wider"] },
      { opType: "MatMul", input: ["wider", "gather"], output: ["y"] },
    ],
    [floats("spread", [1, columns]), floats("gather", [columns, 1])],
  );
}

/** y = x minus the mean of x over all rows of the call. */
export function centering(): Uint8Array {
  return onnxOf([
    { opType: "ReduceMean", input: ["x"], output: ["mean"], attribute: [{ name: "axes", type: 7, ints: [0] }] },
    { opType: "Sub", input: ["x", "mean"], output: ["y"] },
  ]);
}
