import type { Node, Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** Dead-code elimination: removes nodes whose outputs are unused. */
export const removeDeadNodes: Pass = (graph) => {
  const live = new Set<Value>(graph.outputs.map(({ value }) => value));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => live.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) if (input !== null) live.add(input);
  }
  return kept.length === graph.nodes.length ? graph : { ...graph, nodes: kept.reverse() };
};
