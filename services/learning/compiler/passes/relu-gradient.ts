import { floatScalar, inDependencyOrder, type Node, producers, sameShape, splatOf, type Value } from "../ir.ts";
import type { Pass } from "./pass.ts";

/**
 * The gradient of Relu arrives as dy * (x > 0 ? 1 : 0), with x what Relu read. Rewritten to x > 0 ? dy : 0, one pass
 * over memory less, and with x > 0 decided from Relu's output, so that x itself need not be kept.
 */
export const simplifyReluGradient: Pass = (graph) => {
  const makers = producers(graph);
  const reluOf = new Map<Value, Value>();
  for (const node of graph.nodes) {
    if (node.op === "Relu") reluOf.set(node.inputs[0] as Value, node.outputs[0] as Value);
  }
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    if (node.op === "Greater") {
      const [x, bound] = node.inputs as [Value, Value];
      const y = reluOf.get(x);
      if (y === undefined || splatOf(bound) !== 0) return node;
      changed = true;
      return { ...node, inputs: [y, bound] };
    }
    if (node.op !== "Mul") return node;
    const [a, b] = node.inputs as [Value, Value];
    for (const [dy, mask] of [
      [a, b],
      [b, a],
    ] as const) {
      const select = makers.get(mask);
      if (select?.op !== "Where" || !sameShape(dy.shape, mask.shape)) continue;
      const [condition, one, zero] = select.inputs as [Value, Value, Value];
      if (splatOf(one) !== 1 || splatOf(zero) !== 0) continue;
      changed = true;
      return { op: "Where", inputs: [condition, dy, floatScalar(0)], outputs: node.outputs, attributes: {} };
    }
    return node;
  });
  // Relu may have been recorded after the comparison that now reads it.
  return changed ? { ...graph, nodes: inDependencyOrder(nodes) } : graph;
};
