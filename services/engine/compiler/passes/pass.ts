import type { Graph } from "../graph/ir.ts";

/** A rewrite that preserves what a graph computes. Returns a new graph, or the same one if nothing changed. */
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
