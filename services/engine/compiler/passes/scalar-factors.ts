import {
  GraphBuilder,
  inDependencyOrder,
  type Node,
  producers,
  sameShape,
  size,
  useCounts,
  type Value,
} from "../graph/ir.ts";
import { binary } from "../kernels/lowering.ts";
import type { Pass } from "./pass.ts";

/** A vector as `core` times the numbers `over` divided by the numbers `under`. */
interface Scaled {
  readonly core: Value;
  readonly over: readonly Value[];
  readonly under: readonly Value[];
}

/**
 * Chains of products and quotients of vectors with numbers in between, such as Adam's m / (1 - beta^t) / d * -rate,
 * multiply by one number at the end, m / d * (-rate / (1 - beta^t)): one pass over memory for each number less.
 */
export const collectScalarFactors: Pass = (graph) => {
  const makers = producers(graph);
  const uses = useCounts(graph);
  const builder = new GraphBuilder();
  const rewritten = new Map<Value, Value>();

  const inner = (value: Value): Node | undefined => {
    const node = makers.get(value);
    if (node === undefined || (node.op !== "Mul" && node.op !== "Div") || value.type !== "float32") return undefined;
    return size(value.shape) > 1 ? node : undefined;
  };
  const isNumber = (value: Value) => size(value.shape) === 1;
  /** The chain that ends in `value`; only links that nobody else reads can be taken apart. */
  const decompose = (value: Value, root: boolean): Scaled => {
    const node = inner(value);
    if (node === undefined || (!root && uses.get(value) !== 1)) return { core: value, over: [], under: [] };
    const [a, b] = node.inputs as [Value, Value];
    const divides = node.op === "Div";
    if (isNumber(b) && sameShape(a.shape, value.shape)) {
      const rest = decompose(a, false);
      return divides ? { ...rest, under: [...rest.under, b] } : { ...rest, over: [...rest.over, b] };
    }
    if (isNumber(a) && !divides && sameShape(b.shape, value.shape)) {
      const rest = decompose(b, false);
      return { ...rest, over: [...rest.over, a] };
    }
    if (!sameShape(a.shape, b.shape)) return { core: value, over: [], under: [] };
    const left = decompose(a, false);
    const right = decompose(b, false);
    const core = left.core === a && right.core === b ? value : binary(builder, node.op, left.core, right.core);
    return divides
      ? { core, over: [...left.over, ...right.under], under: [...left.under, ...right.over] }
      : { core, over: [...left.over, ...right.over], under: [...left.under, ...right.under] };
  };

  const chained = new Set<Value>();
  for (const node of graph.nodes) {
    const output = node.outputs[0] as Value;
    if (inner(output) === undefined) continue;
    for (const input of node.inputs) if (input !== null && uses.get(input) === 1) chained.add(input);
  }
  for (const node of graph.nodes) {
    const output = node.outputs[0] as Value;
    // The end of a chain: a link that another link reads is part of that one's chain.
    if (inner(output) === undefined || chained.has(output)) continue;
    const mark = builder.nodes.length;
    const { core, over, under } = decompose(output, true);
    if (over.length + under.length < 2) {
      builder.nodes.length = mark;
      continue;
    }
    const product = (factors: readonly Value[]) =>
      factors.reduce<Value | undefined>(
        (all, factor) => (all === undefined ? factor : binary(builder, "Mul", all, factor)),
        undefined,
      );
    const [top, bottom] = [product(over), product(under)];
    if (bottom === undefined) rewritten.set(output, binary(builder, "Mul", core, top as Value));
    else if (top === undefined) rewritten.set(output, binary(builder, "Div", core, bottom));
    else rewritten.set(output, binary(builder, "Mul", core, binary(builder, "Div", top, bottom)));
  }
  if (rewritten.size === 0) return graph;
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const replacement = rewritten.get(node.outputs[0] as Value);
    // The old name stays, so that the graph's outputs need no renaming.
    if (replacement === undefined) nodes.push(node);
    else nodes.push({ op: "Identity", inputs: [replacement], outputs: node.outputs, attributes: {} });
  }
  return { ...graph, nodes: inDependencyOrder([...nodes, ...builder.nodes]) };
};
