import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  floatScalar,
  GraphBuilder,
  int64Vector,
  newValue,
  type Value,
} from "../../../../../services/engine/compiler/graph/ir.ts";
import { binary, unary } from "../../../../../services/engine/compiler/kernels/lowering.ts";
import { FusedGroups } from "../../../../../services/engine/compiler/wasm/lower/groups.ts";
import { multiplyByReciprocals } from "../../../../../services/engine/compiler/wasm/lower/scheduled-divisors.ts";
import { sinkMaps } from "../../../../../services/engine/compiler/wasm/lower/sink-maps.ts";
import { toWorks } from "../../../../../services/engine/compiler/wasm/lower/works.ts";
import { inputValues } from "../../../../helpers/compiled-function.ts";
import { runWasmGraph } from "../../../../helpers/wasm-function.ts";

const float = (...shape: number[]): Value => newValue("float32", shape);

/** The groups of a graph, each as the names of its maps, after sinking. */
function groupsOf(builder: GraphBuilder, inputs: readonly Value[], results: readonly Value[]): string[] {
  const works = toWorks(builder.nodes, new Set(inputs), results);
  const fused = new FusedGroups(works);
  sinkMaps(works, fused, results);
  return fused.ordered().map(({ maps }) => maps.map(({ op }) => op).join("+"));
}

describe("sinking maps", () => {
  /** h = tanh(x w), y = h v, and a gradient g * (1 - h^2) that is read by a product. */
  const layer = (keep: "gradient" | "both") => {
    const builder = new GraphBuilder();
    const [x, w, v, g] = [float(8, 4), float(4, 8), float(8, 8), float(8, 8)];
    const h = unary(builder, "Tanh", builder.add("Gemm", [x, w], "float32", [8, 8]));
    const slope = binary(builder, "Sub", floatScalar(1), binary(builder, "Mul", h, h));
    const y = builder.add("Gemm", [h, v], "float32", [8, 8]);
    const back = binary(builder, "Mul", builder.add("Gemm", [g, y], "float32", [8, 8]), slope);
    return groupsOf(builder, [x, w, v, g], keep === "both" ? [y, back, slope] : [y, back]);
  };

  it("makes an activation's gradient where it is used, from the activation that is stored anyway", () => {
    expect(layer("gradient")).toEqual(["Tanh", "", "Mul+Sub+Mul"]);
  });

  it("leaves a value that is a result where it is made", () => {
    expect(layer("both")).toEqual(["Tanh+Mul+Sub", "", "Mul"]);
  });

  it("leaves a value where it is made if making it elsewhere takes more reads", () => {
    const builder = new GraphBuilder();
    const [x, w, p] = [float(8, 4), float(4, 8), float(8, 8)];
    const h = unary(builder, "Tanh", builder.add("Gemm", [x, w], "float32", [8, 8]));
    const scaled = binary(builder, "Mul", h, p);
    const back = binary(builder, "Mul", builder.add("Gemm", [h, h], "float32", [8, 8]), scaled);
    expect(groupsOf(builder, [x, w, p], [back])).toEqual(["Tanh+Mul", "Mul"]);
  });
});

describe("divisors that are known ahead", () => {
  it("become factors of vectors; other divisions stay", () => {
    const builder = new GraphBuilder();
    const [vector, number, other] = [float(1, 9), float(), float()];
    binary(builder, "Div", vector, number);
    binary(builder, "Div", vector, number);
    binary(builder, "Div", vector, other);
    binary(builder, "Div", other, number);
    const ops = multiplyByReciprocals(builder.nodes, [number]).map(({ op }) => op);
    expect(ops).toEqual(["Reciprocal", "Mul", "Identity", "Mul", "Identity", "Div", "Div"]);
  });
});

describe("sums down the columns", () => {
  it("are those of the elements, for any number of rows and columns", () => {
    const sizes = fc.record({ rows: fc.integer({ min: 1, max: 9 }), columns: fc.integer({ min: 1, max: 41 }) });
    fc.assert(
      fc.property(sizes, ({ rows, columns }) => {
        const [a, b, c] = [float(rows, columns), float(rows, 1), float(1, columns)];
        const builder = new GraphBuilder();
        // A product of depth 1 is elementwise, and so joins the sums' loop.
        const outer = builder.add("Gemm", [b, c], "float32", [rows, columns]);
        const made = binary(builder, "Add", a, outer);
        const reduce = (op: string, axes: number[], shape: number[]) =>
          builder.add(op, [made, int64Vector(axes)], "float32", shape, { keepdims: 0 });
        const [sum, most] = [reduce("ReduceSum", [0], [columns]), reduce("ReduceMax", [0], [columns])];
        const total = reduce("ReduceSum", [0, 1], []);
        const named = (values: readonly Value[]) => values.map((value, index) => ({ name: String(index), value }));
        const inputs = [{ shape: [rows, columns] }, { shape: [rows, 1] }, { shape: [1, columns] }];
        const graph = { inputs: named([a, b, c]), outputs: named([made, sum, most, total]), nodes: builder.nodes };
        const [elements, sums, largest, all] = runWasmGraph(graph, inputs).map(({ values }) => values as number[]);

        const [left, right, wide] = inputs.map((input, index) => [...inputValues(input, index)]) as [
          number[],
          number[],
          number[],
        ];
        const expected = left.map(
          (value, at) => value + (right[Math.floor(at / columns)] as number) * (wide[at % columns] as number),
        );
        const column = (at: number) => expected.filter((_, index) => index % columns === at);
        const add = (values: readonly number[]) => values.reduce((sumSoFar, value) => sumSoFar + value, 0);
        expected.forEach((value, at) => {
          expect(elements?.[at]).toBeCloseTo(value, 4);
        });
        for (let at = 0; at < columns; at++) {
          expect(sums?.[at]).toBeCloseTo(add(column(at)), 4);
          expect(largest?.[at]).toBeCloseTo(Math.max(...column(at)), 4);
        }
        expect(all?.[0]).toBeCloseTo(add(expected), 3);
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});
