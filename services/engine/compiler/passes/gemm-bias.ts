import { type Node, producers, sameShape, useCounts, type Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** Folds the addition of a bias row into the matrix product before it: Add(Gemm(a, b), bias) = Gemm(a, b, bias). */
export const fuseGemmBias: Pass = (graph) => {
  const makers = producers(graph);
  const uses = useCounts(graph);
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    const row = node.op === "Gemm" ? biasRow(node, makers) : undefined;
    if (row !== undefined) {
      changed = true;
      return { ...node, inputs: [...node.inputs.slice(0, 2), row] };
    }
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

/** A bias that was a row before it was reshaped to a vector can stay one. */
function biasRow(gemm: Node, makers: ReadonlyMap<Value, Node>): Value | undefined {
  const bias = gemm.inputs[2];
  if (bias == null || bias.shape.length !== 1) return undefined;
  const maker = makers.get(bias);
  const source = maker?.op === "Reshape" ? maker.inputs[0] : undefined;
  return source != null && sameShape(source.shape, [1, bias.shape[0] as number]) ? source : undefined;
}
