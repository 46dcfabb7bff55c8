import { constantValue, type Node, producers, sameShape, substitute, type Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** Removes what only renames a value: Identity, Reshape to the same shape, Reshape of a Reshape, Reshape of a constant. */
export const collapseReshapes: Pass = (graph) => {
  const makers = producers(graph);
  const replacements = new Map<Value, Value>();
  const nodes: Node[] = [];
  let changed = false;
  for (const node of graph.nodes) {
    const [x] = node.inputs;
    const [y] = node.outputs;
    if (x == null || y === undefined || (node.op !== "Reshape" && node.op !== "Identity")) {
      nodes.push(node);
      continue;
    }
    let source = x;
    for (;;) {
      const renamed = replacements.get(source);
      const maker = makers.get(source);
      if (renamed !== undefined) source = renamed;
      else if (maker?.op === "Reshape") source = maker.inputs[0] as Value;
      else break;
    }
    if (node.op === "Identity" || sameShape(source.shape, y.shape)) {
      replacements.set(y, node.op === "Identity" ? x : source);
    } else if (source.constant !== undefined) {
      replacements.set(y, constantValue(source.type, y.shape, source.constant));
    } else if (source !== x) {
      nodes.push({ ...node, inputs: [source, ...node.inputs.slice(1)] });
      changed = true;
    } else {
      nodes.push(node);
    }
  }
  if (!changed && replacements.size === 0) return graph;
  return substitute({ ...graph, nodes }, replacements);
};
