import type { Graph } from "../graph/ir.ts";

/** A rewrite that preserves what a graph computes. Returns a new graph, or the same one if nothing changed. */
export type Pass = (graph: Graph) => Graph;

/** Applies passes in order, again and again until none of them changes anything. */
export function untilStable(passes: readonly Pass[]): Pass {
  return (graph) => {
    let current = graph;
    /** How many passes in a row have left the graph as it is. */
    let idle = 0;
    for (let at = 0; idle < passes.length; at = (at + 1) % passes.length) {
      const after = (passes[at] as Pass)(current);
      idle = after === current ? idle + 1 : 0;
      current = after;
    }
    return current;
  };
}
