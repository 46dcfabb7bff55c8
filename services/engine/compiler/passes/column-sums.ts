import { constantValue, GraphBuilder, type Node, size, type Value } from "../graph/ir.ts";
import { reshape } from "../kernels/lowering.ts";
import type { Pass } from "./pass.ts";

/**
 * Sums over the rows of a matrix (the gradient of a bias) become a product with a row of ones: ONNX Runtime's matrix
 * kernels are several times faster than its reduction, 2 against 20 microseconds for [256, 64].
 */
export const sumColumnsByProduct: Pass = (graph) => {
  let changed = false;
  const builder = new GraphBuilder();
  for (const node of graph.nodes) {
    const matrix = columnSum(node);
    const output = node.outputs[0];
    if (matrix === undefined || output === undefined) {
      builder.nodes.push(node);
      continue;
    }
    changed = true;
    const [rows, columns] = matrix.shape as [number, number];
    const ones = constantValue("float32", [1, rows], new Float32Array(rows).fill(1));
    const sum = builder.add("Gemm", [ones, matrix], "float32", [1, columns], { transA: 0, transB: 0 });
    const shaped = reshape(builder, sum, output.shape);
    builder.nodes.push({ op: "Identity", inputs: [shaped], outputs: [output], attributes: {} });
  }
  return changed ? { ...graph, nodes: builder.nodes } : graph;
};

/** The matrix that a node sums over its rows, if that is what it does. */
function columnSum(node: Node): Value | undefined {
  if (node.op !== "ReduceSum") return undefined;
  const [x, axes] = node.inputs;
  if (x == null || x.type !== "float32" || x.shape.length !== 2 || size(x.shape) === 0) return undefined;
  const { constant } = axes ?? {};
  return constant instanceof BigInt64Array && constant.length === 1 && constant[0] === 0n ? x : undefined;
}
