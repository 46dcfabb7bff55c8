import { broadcastShapes, floatScalar, type Node, producers, sameShape, splatOf, type Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** Operators of elementwise arithmetic that broadcast their inputs by numpy's rule. */
export const BROADCASTING = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Max",
  "Min",
  "Equal",
  "Greater",
  "GreaterOrEqual",
  "Less",
  "LessOrEqual",
  "And",
  "Or",
  "Where",
]);

/** Lets elementwise operators read a value before it is expanded, and uniform constants as one number. */
export const dropBroadcasts: Pass = (graph) => {
  const makers = producers(graph);
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    const [output] = node.outputs;
    if (output === undefined || !BROADCASTING.has(node.op)) return node;
    const inputs = [...node.inputs] as Value[];
    let touched = false;
    inputs.forEach((input, index) => {
      const smaller = unexpanded(input, makers.get(input));
      if (smaller === undefined) return;
      const others = inputs.filter((_, other) => other !== index).map(({ shape }) => shape);
      if (!sameShape(others.reduce<readonly number[]>(broadcastShapes, smaller.shape), output.shape)) return;
      inputs[index] = smaller;
      touched = true;
    });
    if (!touched) return node;
    changed = true;
    return { ...node, inputs };
  });
  return changed ? { ...graph, nodes } : graph;
};

/** A smaller value that broadcasts to the same elements, if there is one. */
function unexpanded(value: Value, maker: Node | undefined): Value | undefined {
  if (maker?.op === "Expand") return maker.inputs[0] as Value;
  if (value.shape.length === 0) return undefined;
  const splat = splatOf(value);
  return splat === undefined ? undefined : floatScalar(splat);
}
