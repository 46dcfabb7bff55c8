import { UncoupleError } from "../../pipeline/errors.ts";
import {
  constantValue,
  floatScalar,
  type Graph,
  GraphBuilder,
  int64Vector,
  type Node,
  sameShape,
  splatOf,
  type Value,
} from "./ir.ts";
import { attributesKey } from "./passes/common-subexpressions.ts";

/** One program recorded with a certain number of rows. */
export interface RecordedAt {
  readonly rows: number;
  readonly graph: Graph;
}

/**
 * Makes a graph for any number of rows from two recordings with different numbers of rows. The recordings must differ
 * in shapes only, and linearly: a shape constant that changes is computed in the graph from the first input's shape.
 *
 * @returns the first recording's graph, with its values
 * @throws UncoupleError `invalid-argument` when anything else depends on the number of rows
 */
export function generaliseRows(first: RecordedAt, second: RecordedAt): Graph {
  const nodesDiffer = first.graph.nodes.length !== second.graph.nodes.length;
  if (nodesDiffer) throw dependsOnRows("the operations that it makes");
  return new Generaliser(first, second).run();
}

function dependsOnRows(what: string): UncoupleError {
  return new UncoupleError(
    "invalid-argument",
    `the model cannot be published: ${what} depend on the number of rows or on random numbers; ` +
      "a prediction must treat every row alike and be repeatable",
  );
}

class Generaliser {
  private readonly first: RecordedAt;
  private readonly second: RecordedAt;
  private readonly builder = new GraphBuilder();
  /** The second recording's value for each of the first's. */
  private readonly twins = new Map<Value, Value>();
  private readonly computed = new Map<Value, Value>();
  private rowCount: Value | undefined;

  constructor(first: RecordedAt, second: RecordedAt) {
    this.first = first;
    this.second = second;
  }

  run(): Graph {
    const { graph } = this.first;
    graph.inputs.forEach(({ value }, index) => {
      this.pair(value, this.second.graph.inputs[index]?.value);
    });
    graph.nodes.forEach((node, index) => {
      this.node(node, this.second.graph.nodes[index] as Node);
    });
    const outputs = graph.outputs.map(({ name, value }, index) => ({
      name,
      value: this.same(value, this.second.graph.outputs[index]?.value ?? null) as Value,
    }));
    return { inputs: graph.inputs, outputs, nodes: this.builder.nodes };
  }

  private pair(a: Value, b: Value | undefined): void {
    if (b === undefined || a.shape.length !== b.shape.length || a.type !== b.type) throw dependsOnRows("its shapes");
    this.twins.set(a, b);
  }

  private node(a: Node, b: Node): void {
    if (a.op !== b.op || a.inputs.length !== b.inputs.length || a.outputs.length !== b.outputs.length) {
      throw dependsOnRows("the operations that it makes");
    }
    if (attributesKey(a.attributes) !== attributesKey(b.attributes)) throw dependsOnRows(`the parameters of ${a.op}`);
    const inputs = a.inputs.map((input, index) => this.same(input, b.inputs[index] ?? null, a));
    a.outputs.forEach((output, index) => {
      this.pair(output, b.outputs[index]);
    });
    this.builder.nodes.push({ ...a, inputs });
  }

  /** What stands for `a` and `b` alike at any number of rows. */
  private same(a: Value | null, b: Value | null, reader?: Node): Value | null {
    if (a === null || b === null) {
      if (a !== b) throw dependsOnRows("the operations that it makes");
      return null;
    }
    if (a.constant === undefined || b.constant === undefined) {
      if (this.twins.get(a) !== b) throw dependsOnRows("the operations that it makes");
      return a;
    }
    if (sameShape(a.shape, b.shape) && sameElements(a, b)) return a;
    let computed = this.computed.get(a);
    if (computed === undefined) {
      computed = this.generalised(a, b, reader);
      this.computed.set(a, computed);
    }
    return computed;
  }

  private generalised(a: Value, b: Value, reader: Node | undefined): Value {
    if (a.constant instanceof BigInt64Array && b.constant instanceof BigInt64Array && sameShape(a.shape, b.shape)) {
      const lines = this.lines(Array.from(a.constant, Number), Array.from(b.constant, Number));
      // One dimension that follows the rows is what Reshape infers by itself.
      const varying = lines.filter(({ slope }) => slope !== 0).length;
      if (reader?.op === "Reshape" && varying === 1) {
        return int64Vector(lines.map(({ slope, offset }) => (slope === 0 ? offset : -1)));
      }
      return this.vector(lines);
    }
    const [left, right] = [splatOf(a), splatOf(b)];
    if (left !== undefined && Object.is(left, right) && a.shape.length === b.shape.length) {
      const shape = this.vector(this.lines(a.shape, b.shape));
      return this.builder.add("Expand", [floatScalar(left), shape], "float32", a.shape);
    }
    throw dependsOnRows("the values of a constant in it");
  }

  /** Each number as slope * rows + offset. */
  private lines(a: readonly number[], b: readonly number[]): { slope: number; offset: number }[] {
    return a.map((left, index) => {
      const slope = ((b[index] as number) - left) / (this.second.rows - this.first.rows);
      const offset = left - slope * this.first.rows;
      if (!Number.isInteger(slope)) throw dependsOnRows("its shapes");
      return { slope, offset };
    });
  }

  private vector(lines: readonly { slope: number; offset: number }[]): Value {
    const parts = lines.map(({ slope, offset }) => {
      if (slope === 0) return int64Vector([offset]);
      const scaled =
        slope === 1 ? this.rows() : this.builder.add("Mul", [this.rows(), int64Vector([slope])], "int64", [1]);
      return offset === 0 ? scaled : this.builder.add("Add", [scaled, int64Vector([offset])], "int64", [1]);
    });
    return parts.length === 1
      ? (parts[0] as Value)
      : this.builder.add("Concat", parts, "int64", [parts.length], { axis: 0 });
  }

  /** The number of rows at run time, int64 [1]. */
  private rows(): Value {
    if (this.rowCount === undefined) {
      const input = this.first.graph.inputs[0];
      if (input === undefined) throw dependsOnRows("its shapes");
      const shape = this.builder.add("Shape", [input.value], "int64", [input.value.shape.length]);
      this.rowCount = this.builder.add("Slice", [shape, int64Vector([0]), int64Vector([1])], "int64", [1]);
    }
    return this.rowCount;
  }
}

function sameElements(a: Value, b: Value): boolean {
  const [left, right] = [a.constant, b.constant];
  if (left === right) return true;
  if (left === undefined || right === undefined || left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false;
  return true;
}

/** A string constant, [1, width]. */
export function stringRow(texts: readonly string[]): Value {
  return constantValue("string", [1, texts.length], texts);
}
