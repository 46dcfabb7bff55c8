import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Graph,
  GraphBuilder,
  int64Vector,
  newValue,
  type Value,
} from "../../../../../services/engine/compiler/graph/ir.ts";
import { binary, slice, unary } from "../../../../../services/engine/compiler/kernels/lowering.ts";
import { numbers } from "../../../../helpers/dense-program.ts";
import { runWasmGraph } from "../../../../helpers/wasm-function.ts";

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly transA: number;
  readonly transB: number;
}

/** Sizes on both sides of the boundaries of tiles, panels and blocks. */
const size = fc.oneof(fc.integer({ min: 1, max: 13 }), fc.constantFrom(15, 16, 17, 23, 31, 33, 64, 67));
const depth = fc.oneof(size, fc.constantFrom(255, 256, 257, 258, 300, 511, 512, 513, 770));
const side = fc.constantFrom(0, 1);
const shape = fc.record({ rows: size, columns: size, depth, transA: side, transB: side });

function operands({ rows, columns, depth, transA, transB }: Shape) {
  return {
    a: { shape: transA ? [depth, rows] : [rows, depth], values: [...numbers(rows * depth, 3)] },
    b: { shape: transB ? [columns, depth] : [depth, columns], values: [...numbers(depth * columns, 4)] },
  };
}

/**
 * @param lanes partial sums, which take the terms of an element in turn; four are added as (0 + 2) + (1 + 3)
 * @param starts what the first of them begins with, by column
 */
function productBy(lanes: Float32Array | Float64Array, shape: Shape, starts: ArrayLike<number> = []): number[] {
  const { rows, columns, depth, transA, transB } = shape;
  const { a, b } = operands(shape);
  const single = lanes instanceof Float32Array;
  return Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    lanes.fill(0);
    lanes[0] = starts[column] ?? 0;
    for (let at = 0; at < depth; at++) {
      const left = a.values[transA ? at * rows + row : row * depth + at] as number;
      const right = b.values[transB ? column * depth + at : at * columns + column] as number;
      const lane = at % lanes.length;
      lanes[lane] = (lanes[lane] as number) + (single ? Math.fround(left * right) : left * right);
    }
    const [first, second, third, fourth] = lanes as unknown as [number, number, number, number];
    if (lanes.length === 1) return first;
    return Math.fround(Math.fround(first + third) + Math.fround(second + fourth));
  });
}

const exact = (shape: Shape) => productBy(new Float64Array(1), shape);
const inOrder = (shape: Shape) => productBy(new Float32Array(1), shape);
const inFourLanes = (shape: Shape) => productBy(new Float32Array(4), shape);

function generated(shape: Shape, finish: (builder: GraphBuilder, product: Value) => Value[], more: Value[] = []) {
  const { a, b } = operands(shape);
  const [x, y] = [newValue("float32", a.shape), newValue("float32", b.shape)];
  const builder = new GraphBuilder();
  const { rows, columns, transA, transB } = shape;
  const product = builder.add("Gemm", [x, y], "float32", [rows, columns], { transA, transB });
  const outputs = finish(builder, product);
  const named = (values: readonly Value[]) => values.map((value, index) => ({ name: `${index}`, value }));
  const graph: Graph = { inputs: named([x, y, ...more]), outputs: named(outputs), nodes: builder.nodes };
  return runWasmGraph(graph, [a, b, ...more.map((value) => ({ shape: value.shape }))]).map(({ values }) => values);
}

/** Checks a product against float64, and that its sums have one of the two orders that are promised. */
function expectProduct(shape: Shape): readonly number[] {
  const [result] = generated(shape, (_, product) => [product]) as [readonly number[]];
  const bound = shape.depth ** 2 * 2 ** -24;
  const wanted = exact(shape);
  expect(result.every((value, index) => Math.abs(value - (wanted[index] as number)) <= bound)).toBe(true);
  const promised = [inOrder, inFourLanes].some((order) => {
    const ordered = order(shape);
    return result.every((value, index) => value === ordered[index]);
  });
  expect(promised, JSON.stringify(shape)).toBe(true);
  return result;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("matrix products", () => {
  it("sum every element in a fixed order, whatever the rows, columns and depth that are left over", () => {
    fc.assert(
      fc.property(shape, (random) => {
        fc.pre(random.rows * random.columns * random.depth <= 150_000);
        expectProduct(random);
      }),
      { numRuns: 100, seed: 11 },
    );
  });

  for (const transA of [0, 1]) {
    for (const transB of [0, 1]) {
      it(`hold for one column, one row, depth 1 and depth 4,096, transposed ${transA} and ${transB}`, () => {
        for (const [rows, columns, long] of [
          [1, 1, 4096],
          [21, 1, 4096],
          [1, 21, 4096],
          [6, 9, 4096],
          [5, 3, 1],
          [67, 70, 1],
          [67, 260, 1],
          [17, 67, 256],
          [16, 131, 300],
        ] as const) {
          expectProduct({ rows, columns, depth: long, transA, transB });
        }
      });
    }
  }

  it("read operands whose elements are apart along both axes", () => {
    for (const [rows, columns, depth] of [
      [5, 7, 9],
      [17, 18, 260],
      [3, 11, 6],
    ] as const) {
      const [a, b] = [newValue("float32", [2 * rows, 3 * depth]), newValue("float32", [2 * depth, 3 * columns])];
      const builder = new GraphBuilder();
      const every = (x: Value, shape: number[]) => slice(builder, x, [0, 0], shape, [2, 3]);
      const y = builder.add("Gemm", [every(a, [rows, depth]), every(b, [depth, columns])], "float32", [rows, columns]);
      const inputs = [a, b].map((value, index) => ({ name: `${index}`, value }));
      const graph = { inputs, outputs: [{ name: "y", value: y }], nodes: builder.nodes };
      const [result] = runWasmGraph(graph, [a, b]);
      const [left, right] = [a, b].map(({ shape }, index) =>
        numbers((shape[0] as number) * (shape[1] as number), index + 3),
      );
      const wanted = Array.from({ length: rows * columns }, (_, index) => {
        const [row, column] = [Math.floor(index / columns), index % columns];
        const terms = Array.from(
          { length: depth },
          (__, at) =>
            (left?.[2 * row * 3 * depth + 3 * at] as number) * (right?.[2 * at * 3 * columns + 3 * column] as number),
        );
        return expect.closeTo(sum(terms), 4);
      });
      expect(result?.values).toEqual(wanted);
    }
  });

  it("carry what follows them in their last block: bias, relu, and sums down the columns and over everything", () => {
    const sizes = fc.constantFrom(1, 3, 4, 6, 9, 17, 33);
    const depths = fc.constantFrom(1, 2, 7, 256, 257, 600);
    fc.assert(
      fc.property(sizes, sizes, depths, side, side, (rows, columns, long, transA, transB) => {
        const shape = { rows, columns, depth: long, transA, transB };
        const bias = newValue("float32", [columns]);
        const [y, down, total] = generated(
          shape,
          (builder, product) => {
            const y = unary(builder, "Relu", binary(builder, "Add", product, bias));
            const summed = (axes: number[], kept: number[]) =>
              builder.add("ReduceSum", [y, int64Vector(axes)], "float32", kept, { keepdims: 0 });
            return [y, summed([0], [columns]), summed([0, 1], [])];
          },
          [bias],
        ) as [readonly number[], readonly number[], readonly number[]];
        const biases = numbers(columns, 5);
        // The bias is added last, or the sums begin with it.
        const added = expectProduct(shape).map((value, index) =>
          Math.fround(value + (biases[index % columns] as number)),
        );
        const begun = productBy(new Float32Array(1), shape, biases);
        const orders = [added, begun].map((values) => values.map((value) => Math.max(0, value)));
        const wanted = orders.find((values) => values.every((value, index) => value === y[index])) ?? [];
        expect(wanted, JSON.stringify(shape)).toHaveLength(rows * columns);
        expect(down).toEqual(
          Array.from({ length: columns }, (_, column) => {
            const own = wanted.filter((__, index) => index % columns === column);
            return rows === 1 ? own[0] : expect.closeTo(sum(own), 3);
          }),
        );
        expect(total).toEqual([expect.closeTo(sum(wanted), 2)]);
      }),
      { numRuns: 60, seed: 12 },
    );
  });
});
