import { UncoupleError } from "../../../common/errors.ts";

/**
 * The compiler's intermediate representation: a graph of ONNX operators over values whose shapes are all known.
 * Passes take a graph and return a new one; values are shared between graphs and never changed.
 */

export type ElementType = "float32" | "int32" | "int64" | "bool" | "string";

/** Bool constants are bytes of 0 and 1. */
export type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array | readonly string[];

/** A value along an edge of the graph. Values are compared by identity (`===`). */
export interface Value {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Present when the value is known at compile time. */
  readonly constant?: ConstantData;
}

export type Attribute = number | readonly number[] | string | { readonly float: number } | { readonly graph: Graph };

export interface Node {
  readonly op: string;
  /** `null` stands for an omitted optional input. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

export interface Graph {
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
  /** In topological order. */
  readonly nodes: readonly Node[];
}

export function size(shape: readonly number[]): number {
  let product = 1;
  for (const dimension of shape) product *= dimension;
  return product;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

export function newValue(type: ElementType, shape: readonly number[]): Value {
  return { type, shape: [...shape] };
}

export function constantValue(type: ElementType, shape: readonly number[], constant: ConstantData): Value {
  if (constant.length !== size(shape)) {
    throw new UncoupleError("internal", `a constant of shape [${shape}] was given ${constant.length} elements`);
  }
  return { type, shape: [...shape], constant };
}

export function floatScalar(number: number): Value {
  return constantValue("float32", [], Float32Array.of(number));
}

/** A vector of int64, as ONNX wants shapes, axes and slice bounds. */
export function int64Vector(numbers: readonly number[]): Value {
  return constantValue("int64", [numbers.length], BigInt64Array.from(numbers, BigInt));
}

/** Returns the value shared by all elements of a float constant, or undefined. */
export function splatOf(value: Value): number | undefined {
  const { constant } = value;
  if (!(constant instanceof Float32Array) || constant.length === 0) return undefined;
  const first = constant[0] as number;
  return constant.every((element) => Object.is(element, first)) ? first : undefined;
}

/** Shape of an elementwise result, by numpy's rule. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new UncoupleError("internal", `shapes [${a}] and [${b}] do not broadcast`);
    }
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** Collects nodes in order. The compiler creates nodes only through it. */
export class GraphBuilder {
  readonly nodes: Node[];

  /** @param nodes a list to append to */
  constructor(nodes: Node[] = []) {
    this.nodes = nodes;
  }

  /** Appends a node with one output. */
  add(
    op: string,
    inputs: readonly (Value | null)[],
    type: ElementType,
    shape: readonly number[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    const output = newValue(type, shape);
    this.nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }

  /** Appends a node with several outputs of one type. */
  addMany(
    op: string,
    inputs: readonly (Value | null)[],
    type: ElementType,
    shapes: readonly (readonly number[])[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const outputs = shapes.map((shape) => newValue(type, shape));
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }
}

/** Graphs nested in a node's attributes (the body of a Loop). */
export function subgraphs(node: Node): Graph[] {
  const found: Graph[] = [];
  for (const attribute of Object.values(node.attributes)) {
    if (typeof attribute === "object" && "graph" in attribute) found.push(attribute.graph);
  }
  return found;
}

/** Rewires a graph: every use of a replaced value, outputs included, becomes its replacement, followed transitively. */
export function substitute(graph: Graph, replacements: ReadonlyMap<Value, Value>): Graph {
  if (replacements.size === 0) return graph;
  const resolve = (value: Value): Value => {
    let current = value;
    for (let next = replacements.get(current); next !== undefined; next = replacements.get(current)) current = next;
    return current;
  };
  return {
    inputs: graph.inputs,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => (input === null ? null : resolve(input))),
    })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: resolve(value) })),
  };
}

/** Maps each value to the node that produces it. */
export function producers(graph: Graph): Map<Value, Node> {
  const map = new Map<Value, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) map.set(output, node);
  return map;
}

/** Counts the uses of each value, including graph outputs. */
export function useCounts(graph: Graph): Map<Value, number> {
  const counts = new Map<Value, number>();
  const use = (value: Value | null) => {
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  };
  for (const node of graph.nodes) node.inputs.forEach(use);
  for (const { value } of graph.outputs) use(value);
  return counts;
}

/** Sorts nodes topologically; otherwise keeps their order. */
export function inDependencyOrder(nodes: readonly Node[]): Node[] {
  const makers = new Map<Value, Node>();
  for (const node of nodes) for (const output of node.outputs) makers.set(output, node);
  const ordered = new Set<Node>();
  const visit = (node: Node): void => {
    if (ordered.has(node)) return;
    for (const input of node.inputs) {
      const maker = input === null ? undefined : makers.get(input);
      if (maker !== undefined) visit(maker);
    }
    ordered.add(node);
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}
