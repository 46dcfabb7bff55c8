import { type Node, producers, sameShape, useCounts, type Value } from "../ir.ts";
import type { Pass } from "./pass.ts";

/** Folds the addition of a bias row into the matrix product before it: Add(Gemm(a, b), bias) = Gemm(a, b, bias). */
export const fuseGemmBias: Pass = (graph) => {
  const makers = producers(graph);
  const uses = useCounts(graph);
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "Add") return node;
    const [a, b] = node.inputs as [Value, Value];
    const output = node.outputs[0] as Value;
    for (const [product, bias] of [
      [a, b],
      [b, a],
    ] as const) {
      const gemm = makers.get(product);
      if (gemm?.op !== "Gemm" || gemm.inputs.length > 2 || uses.get(product) !== 1) continue;
      const fits =
        sameShape(product.shape, output.shape) && bias.shape.length <= 2 && bias.shape.at(-1) === product.shape[1];
      if (!fits) continue;
      changed = true;
      return { ...gemm, inputs: [...gemm.inputs, bias], outputs: node.outputs };
    }
    return node;
  });
  // The unfused product is dead now and goes with the other dead nodes.
  return changed ? { ...graph, nodes } : graph;
};
