import type { Graph } from "../graph/ir.ts";

/** A rewriting that keeps what a graph computes. Makes a new graph, or returns the same one when it finds nothing. */
export type Pass = (graph: Graph) => Graph;

/** Applies passes in order, again and again until none of them changes anything. */
export function untilStable(passes: readonly Pass[]): Pass {
  return (graph) => {
    let current = graph;
    for (;;) {
      const before = current;
      for (const pass of passes) current = pass(current);
      if (current === before) return current;
    }
  };
}
