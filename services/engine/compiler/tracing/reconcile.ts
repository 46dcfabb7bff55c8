import { type Graph, type Node, sameShape, type Value } from "../graph/ir.ts";
import { attributesKey } from "../passes/common-subexpressions.ts";

export interface Differences {
  /** Returns the value that replaces two differing constants in the merged graph. May add nodes to `nodes`. */
  constant(first: Value, second: Value, reader: Node | null, nodes: Node[]): Value;
  /** The error for recordings that differ in anything but constants. */
  refuse(what: string): Error;
}

/**
 * Merges two recordings of one program, made under different conditions, into one graph that is valid for both. They must
 * consist of the same operations; `differences` provides the values that replace differing constants.
 *
 * @returns the first recording's graph and values, with the constants that differ replaced
 */
export function reconcile(first: Graph, second: Graph, differences: Differences): Graph {
  const twins = new Map<Value, Value>();
  const merged = new Map<Value, Value>();
  const nodes: Node[] = [];

  const pair = (a: Value, b: Value | undefined): void => {
    if (b === undefined || a.shape.length !== b.shape.length || a.type !== b.type) {
      throw differences.refuse("its shapes");
    }
    twins.set(a, b);
  };
  const same = (a: Value | null, b: Value | null, reader: Node | null): Value | null => {
    if (a === null || b === null) {
      if (a !== b) throw differences.refuse("the operations that it makes");
      return null;
    }
    if (a.constant === undefined || b.constant === undefined) {
      if (twins.get(a) !== b) throw differences.refuse("the operations that it makes");
      return a;
    }
    if (sameConstant(a, b)) return a;
    let value = merged.get(a);
    if (value === undefined) {
      value = differences.constant(a, b, reader, nodes);
      merged.set(a, value);
    }
    return value;
  };

  if (first.nodes.length !== second.nodes.length) throw differences.refuse("the operations that it makes");
  first.inputs.forEach(({ value }, index) => {
    pair(value, second.inputs[index]?.value);
  });
  first.nodes.forEach((a, index) => {
    const b = second.nodes[index] as Node;
    if (a.op !== b.op || a.inputs.length !== b.inputs.length || a.outputs.length !== b.outputs.length) {
      throw differences.refuse("the operations that it makes");
    }
    if (attributesKey(a.attributes) !== attributesKey(b.attributes)) {
      throw differences.refuse(`the parameters of ${a.op}`);
    }
    const inputs = a.inputs.map((input, position) => same(input, b.inputs[position] ?? null, a));
    a.outputs.forEach((output, position) => {
      pair(output, b.outputs[position]);
    });
    nodes.push({ ...a, inputs });
  });
  const outputs = first.outputs.map(({ name, value }, index) => ({
    name,
    value: same(value, second.outputs[index]?.value ?? null, null) as Value,
  }));
  return { inputs: first.inputs, outputs, nodes };
}

function sameConstant(a: Value, b: Value): boolean {
  const [left, right] = [a.constant, b.constant];
  if (!sameShape(a.shape, b.shape)) return false;
  if (left === right) return true;
  if (left === undefined || right === undefined || left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false;
  return true;
}
