import { UncoupleError } from "../../../common/errors.ts";
import {
  floatScalar,
  type Graph,
  GraphBuilder,
  int64Vector,
  type Node,
  sameShape,
  splatOf,
  type Value,
} from "../graph/ir.ts";
import { type Differences, reconcile } from "./reconcile.ts";

/** A program recorded with a given number of rows. */
export interface RecordedAt {
  readonly rows: number;
  readonly graph: Graph;
}

/**
 * Builds a graph for any number of rows from two recordings with different numbers of rows. The recordings must differ
 * in shapes only, and linearly: a shape constant that changes is computed in the graph from the first input's shape.
 *
 * @returns the first recording's graph, with its values
 * @throws UncoupleError `invalid-argument` if anything else depends on the number of rows
 */
export function generalizeRows(first: RecordedAt, second: RecordedAt): Graph {
  return reconcile(first.graph, second.graph, new RowDifferences(first, second));
}

/** A number that depends linearly on the rows: slope * rows + offset. */
interface Line {
  readonly slope: number;
  readonly offset: number;
}

class RowDifferences implements Differences {
  private readonly first: RecordedAt;
  private readonly second: RecordedAt;
  private rowCount: Value | undefined;

  constructor(first: RecordedAt, second: RecordedAt) {
    this.first = first;
    this.second = second;
  }

  refuse(what: string): UncoupleError {
    return new UncoupleError(
      "invalid-argument",
      `the model cannot be published: ${what} depend on the number of rows or on random numbers; ` +
        "a prediction must treat every row alike and be repeatable",
    );
  }

  constant(a: Value, b: Value, reader: Node | null, nodes: Node[]): Value {
    const builder = new GraphBuilder(nodes);
    if (a.constant instanceof BigInt64Array && b.constant instanceof BigInt64Array && sameShape(a.shape, b.shape)) {
      const lines = this.lines(Array.from(a.constant, Number), Array.from(b.constant, Number));
      // Reshape infers a single row-dependent dimension by itself.
      if (reader?.op === "Reshape" && lines.filter(({ slope }) => slope !== 0).length === 1) {
        return int64Vector(lines.map(({ slope, offset }) => (slope === 0 ? offset : -1)));
      }
      return this.vector(builder, lines);
    }
    const [left, right] = [splatOf(a), splatOf(b)];
    if (left !== undefined && Object.is(left, right) && a.shape.length === b.shape.length) {
      const shape = this.vector(builder, this.lines(a.shape, b.shape));
      return builder.add("Expand", [floatScalar(left), shape], "float32", a.shape);
    }
    throw this.refuse("the values of a constant in it");
  }

  private lines(a: readonly number[], b: readonly number[]): Line[] {
    return a.map((left, index) => {
      const slope = ((b[index] as number) - left) / (this.second.rows - this.first.rows);
      if (!Number.isInteger(slope)) throw this.refuse("its shapes");
      return { slope, offset: left - slope * this.first.rows };
    });
  }

  /** The numbers at run time, int64. */
  private vector(builder: GraphBuilder, lines: readonly Line[]): Value {
    const parts = lines.map(({ slope, offset }) => {
      if (slope === 0) return int64Vector([offset]);
      const rows = this.rows(builder);
      const scaled = slope === 1 ? rows : builder.add("Mul", [rows, int64Vector([slope])], "int64", [1]);
      return offset === 0 ? scaled : builder.add("Add", [scaled, int64Vector([offset])], "int64", [1]);
    });
    if (parts.length === 1) return parts[0] as Value;
    return builder.add("Concat", parts, "int64", [parts.length], { axis: 0 });
  }

  /** The number of rows at run time, int64 [1]. */
  private rows(builder: GraphBuilder): Value {
    if (this.rowCount === undefined) {
      const input = this.first.graph.inputs[0];
      if (input === undefined) throw this.refuse("its shapes");
      const shape = builder.add("Shape", [input.value], "int64", [input.value.shape.length]);
      this.rowCount = builder.add("Slice", [shape, int64Vector([0]), int64Vector([1])], "int64", [1]);
    }
    return this.rowCount;
  }
}
