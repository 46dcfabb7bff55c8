import { GraphBuilder } from "../graph/ir.ts";
import { transpose } from "../kernels/lowering.ts";
import type { Pass } from "./pass.ts";

/** Products with fewer multiplications are left as they are: a Transpose costs a microsecond. */
const LARGE_ENOUGH = 30_000;

/**
 * The weight gradient of a layer with few outputs is h' dy, a tall thin product that ONNX Runtime is slow at:
 * (dy' h)' takes half the time, the small Transpose included. A single output has a fast kernel of its own.
 */
export const flipNarrowProducts: Pass = (graph) => {
  let changed = false;
  const builder = new GraphBuilder();
  for (const node of graph.nodes) {
    const [a, b] = node.inputs;
    const output = node.outputs[0];
    const plain =
      node.op === "Gemm" && node.inputs.length === 2 && node.attributes.transA === 1 && !node.attributes.transB;
    if (!plain || a == null || b == null || output === undefined) {
      builder.nodes.push(node);
      continue;
    }
    const [depth] = a.shape as [number, number];
    const [rows, columns] = output.shape as [number, number];
    if (columns === 1 || columns * 4 > rows || depth * rows * columns < LARGE_ENOUGH) {
      builder.nodes.push(node);
      continue;
    }
    changed = true;
    // A MatMul: ONNX Runtime would turn the Transpose after a Gemm back into the product that is to be avoided.
    const flipped = builder.add("MatMul", [transpose(builder, b, [1, 0]), a], "float32", [columns, rows]);
    const back = transpose(builder, flipped, [1, 0]);
    builder.nodes.push({ op: "Identity", inputs: [back], outputs: [output], attributes: {} });
  }
  return changed ? { ...graph, nodes: builder.nodes } : graph;
};
