import {
  constantValue,
  floatScalar,
  type Node,
  producers,
  sameShape,
  size,
  splatOf,
  substitute,
  type Value,
} from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** float32 arithmetic on numbers, as the operators do it. */
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => Math.fround(a + b),
  Sub: (a, b) => Math.fround(a - b),
  Mul: (a, b) => Math.fround(a * b),
  Div: (a, b) => Math.fround(a / b),
};

/**
 * Arithmetic that needs no run: operations on two numbers, on a neutral element (x + 0, x * 1, x / 1, x - 0), and
 * chains of scalings by numbers, x * a * b = x * (a * b).
 */
export const foldConstants: Pass = (graph) => {
  const makers = producers(graph);
  const replacements = new Map<Value, Value>();
  const nodes: Node[] = [];
  let changed = false;
  for (const original of graph.nodes) {
    const node = withInputs(original, replacements);
    const [output] = node.outputs;
    const folded = output === undefined ? undefined : fold(node, output);
    if (folded !== undefined && output !== undefined) {
      replacements.set(output, folded);
      changed = true;
      continue;
    }
    const merged = mergeScaling(node, makers);
    changed ||= merged !== node;
    if (merged !== node && output !== undefined) makers.set(output, merged);
    nodes.push(merged);
  }
  return changed ? substitute({ ...graph, nodes }, replacements) : graph;
};

function withInputs(node: Node, replacements: ReadonlyMap<Value, Value>): Node {
  if (!node.inputs.some((input) => input !== null && replacements.has(input))) return node;
  return { ...node, inputs: node.inputs.map((input) => (input === null ? null : (replacements.get(input) ?? input))) };
}

/** The value that a node comes to without being run, if it does. */
function fold(node: Node, output: Value): Value | undefined {
  if (output.type !== "float32") return undefined;
  const [a, b] = node.inputs;
  if (a == null) return undefined;
  const left = splatOf(a);
  if (node.op === "Neg" && left !== undefined) return uniform(-left, output.shape);
  const arithmetic = ARITHMETIC[node.op];
  if (arithmetic === undefined || b == null) return undefined;
  const right = splatOf(b);
  if (left !== undefined && right !== undefined) return uniform(arithmetic(left, right), output.shape);
  const keepsLeft = sameShape(a.shape, output.shape);
  if (keepsLeft && right === 1 && (node.op === "Mul" || node.op === "Div")) return a;
  // x + 0 would turn -0 into 0; x + (-0) and x - 0 change nothing, and the difference of the zeros is never seen here.
  if (keepsLeft && right === 0 && (node.op === "Add" || node.op === "Sub")) return a;
  const keepsRight = sameShape(b.shape, output.shape);
  if (keepsRight && left === 1 && node.op === "Mul") return b;
  if (keepsRight && left === 0 && node.op === "Add") return b;
  return undefined;
}

function uniform(value: number, shape: readonly number[]): Value {
  if (shape.length === 0) return floatScalar(value);
  return constantValue("float32", shape, new Float32Array(size(shape)).fill(value));
}

/** A number that multiplies a value: `x * c` or `c * x`. */
function scaling(node: Node): { readonly x: Value; readonly factor: number } | undefined {
  if (node.op !== "Mul") return undefined;
  const [a, b] = node.inputs as [Value, Value];
  const left = splatOf(a);
  const right = splatOf(b);
  if (right !== undefined && size(b.shape) === 1) return { x: a, factor: right };
  if (left !== undefined && size(a.shape) === 1) return { x: b, factor: left };
  return undefined;
}

function mergeScaling(node: Node, makers: ReadonlyMap<Value, Node>): Node {
  const outer = scaling(node);
  if (outer === undefined || !sameShape(outer.x.shape, node.outputs[0]?.shape ?? [])) return node;
  const maker = makers.get(outer.x);
  const inner = maker === undefined ? undefined : scaling(maker);
  if (inner === undefined || !sameShape(inner.x.shape, outer.x.shape)) return node;
  return { ...node, inputs: [inner.x, floatScalar(Math.fround(inner.factor * outer.factor))] };
}
