import { inDependencyOrder, type Node, type Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/**
 * The gradient of Relu multiplies by a step function (a HardSigmoid, see the kernel Step) of what Relu read. The step of
 * Relu's output is the same, so that its input need not be kept: ONNX Runtime can then fuse Relu into the product before it.
 */
export const readReluOutput: Pass = (graph) => {
  const reluOf = new Map<Value, Value>();
  for (const node of graph.nodes) {
    if (node.op === "Relu") reluOf.set(node.inputs[0] as Value, node.outputs[0] as Value);
  }
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "HardSigmoid" || !isStep(node)) return node;
    const output = reluOf.get(node.inputs[0] as Value);
    if (output === undefined) return node;
    changed = true;
    return { ...node, inputs: [output] };
  });
  // Relu may have been recorded after the step that now reads it.
  return changed ? { ...graph, nodes: inDependencyOrder(nodes) } : graph;
};

function isStep({ attributes }: Node): boolean {
  const { beta } = attributes;
  return typeof beta === "object" && "float" in beta && beta.float === 0;
}
