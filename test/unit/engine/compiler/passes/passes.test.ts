import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import {
  constantValue,
  floatScalar,
  type Graph,
  GraphBuilder,
  int64Vector,
  newValue,
  type Value,
} from "../../../../../services/engine/compiler/graph/ir.ts";
import { dropBroadcasts } from "../../../../../services/engine/compiler/passes/broadcasts.ts";
import { sumColumnsByProduct } from "../../../../../services/engine/compiler/passes/column-sums.ts";
import { shareCommonSubexpressions } from "../../../../../services/engine/compiler/passes/common-subexpressions.ts";
import { removeDeadNodes } from "../../../../../services/engine/compiler/passes/dead-nodes.ts";
import { foldConstants } from "../../../../../services/engine/compiler/passes/fold-constants.ts";
import { fuseGemmBias } from "../../../../../services/engine/compiler/passes/gemm-bias.ts";
import { flipNarrowProducts } from "../../../../../services/engine/compiler/passes/narrow-products.ts";
import { type Pass, untilStable } from "../../../../../services/engine/compiler/passes/pass.ts";
import { readReluOutput } from "../../../../../services/engine/compiler/passes/relu-gradient.ts";
import { collapseReshapes } from "../../../../../services/engine/compiler/passes/reshape-chains.ts";
import { collectScalarFactors } from "../../../../../services/engine/compiler/passes/scalar-factors.ts";
import {
  difference,
  graphOf,
  runGraph,
  type TensorFunction,
  type TestInput,
} from "../../../../helpers/compiled-function.ts";

const asRecorded: Pass = (graph) => graph;
const matrix: TestInput = { shape: [3, 4] };

const operators = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

/** Applies one pass to what tfjs records, and checks that the graph computes what it did. */
async function optimized(
  pass: Pass,
  work: TensorFunction,
  inputs: TestInput[],
): Promise<{ before: string[]; after: string[] }> {
  const recorded = graphOf(work, inputs, asRecorded);
  const passed = pass(recorded);
  expect(difference(await runGraph(passed, inputs), await runGraph(recorded, inputs), 1e-6)).toBeUndefined();
  return { before: operators(recorded), after: operators(passed) };
}

/** A graph of one float input and one output. */
function graph(shape: readonly number[], build: (builder: GraphBuilder, x: Value) => Value): Graph {
  const builder = new GraphBuilder();
  const x = newValue("float32", shape);
  const y = build(builder, x);
  return { inputs: [{ name: "in0", value: x }], nodes: builder.nodes, outputs: [{ name: "out0", value: y }] };
}

async function same(passed: Graph, original: Graph, input: TestInput): Promise<void> {
  expect(difference(await runGraph(passed, [input]), await runGraph(original, [input]), 1e-6)).toBeUndefined();
}

describe("dead nodes", () => {
  it("drops what nobody reads, and keeps the rest in order", async () => {
    const work: TensorFunction = (x) => {
      tf.exp(tf.tanh(x as tf.Tensor));
      return tf.relu(tf.abs(x as tf.Tensor));
    };
    expect(await optimized(removeDeadNodes, work, [matrix])).toEqual({
      before: ["Tanh", "Exp", "Abs", "Relu"],
      after: ["Abs", "Relu"],
    });
  });

  it("returns the same graph when all is alive", () => {
    const alive = graph([2], (builder, x) => builder.add("Abs", [x], "float32", [2]));
    expect(removeDeadNodes(alive)).toBe(alive);
  });
});

describe("reshape chains", () => {
  it("become one reshape, or none", async () => {
    const there: TensorFunction = (x) =>
      tf.abs(tf.reshape(tf.reshape(tf.reshape(x as tf.Tensor, [12]), [2, 6]), [4, 3]));
    const passes = untilStable([collapseReshapes, removeDeadNodes]);
    expect((await optimized(passes, there, [matrix])).after).toEqual(["Reshape", "Abs"]);
    const andBack: TensorFunction = (x) => tf.abs(tf.reshape(tf.reshape(x as tf.Tensor, [12]), [3, 4]));
    expect((await optimized(passes, andBack, [matrix])).after).toEqual(["Abs"]);
  });

  it("reshape constants at compile time", () => {
    const passed = collapseReshapes(
      graph([2, 2], (builder, x) => {
        const constant = constantValue("float32", [4], Float32Array.of(1, 2, 3, 4));
        const square = builder.add("Reshape", [constant, int64Vector([2, 2])], "float32", [2, 2]);
        return builder.add("Add", [x, square], "float32", [2, 2]);
      }),
    );
    expect(operators(passed)).toEqual(["Add"]);
    expect(passed.nodes[0]?.inputs[1]).toMatchObject({ shape: [2, 2], constant: Float32Array.of(1, 2, 3, 4) });
  });
});

describe("broadcasts", () => {
  it("are left to the operator that reads them", async () => {
    const work: TensorFunction = (x) => tf.mul(x as tf.Tensor, tf.add(tf.onesLike(x as tf.Tensor), tf.fill([3, 4], 2)));
    const passes = untilStable([dropBroadcasts, removeDeadNodes]);
    const { before, after: passed } = await optimized(passes, work, [matrix]);
    expect(before).toEqual(["Expand", "Expand", "Add", "Mul"]);
    // The sum of two numbers is of shape [3, 4] only while one of them is expanded.
    expect(passed).toEqual(["Expand", "Add", "Mul"]);
  });

  it("stay where the result would become smaller", () => {
    const kept = graph([1], (builder, x) => {
      const wide = builder.add("Expand", [x, int64Vector([5])], "float32", [5]);
      return builder.add("Add", [wide, floatScalar(1)], "float32", [5]);
    });
    expect(dropBroadcasts(kept)).toBe(kept);
  });
});

describe("common subexpressions", () => {
  it("are computed once, small constants compared by their elements", async () => {
    const work: TensorFunction = (x) => {
      const once = () => tf.tanh(tf.mul(x as tf.Tensor, tf.tensor1d([1, 2, 3, 4])));
      return tf.sub(once(), tf.square(once()));
    };
    const { after: passed } = await optimized(shareCommonSubexpressions, work, [matrix]);
    expect(passed).toEqual(["Mul", "Tanh", "Mul", "Sub"]);
  });

  it("differ when an attribute or the sign of a zero does", () => {
    const distinct = graph([2, 2], (builder, x) => {
      const columns = builder.add("Softmax", [x], "float32", [2, 2], { axis: 0 });
      const rows = builder.add("Softmax", [x], "float32", [2, 2], { axis: 1 });
      const plus = builder.add("Div", [columns, floatScalar(0)], "float32", [2, 2]);
      const minus = builder.add("Div", [rows, floatScalar(-0)], "float32", [2, 2]);
      return builder.add("Add", [plus, minus], "float32", [2, 2]);
    });
    expect(shareCommonSubexpressions(distinct)).toBe(distinct);
  });
});

describe("constant folding", () => {
  it("drops neutral elements and merges scalings", async () => {
    const input: TestInput = { shape: [5] };
    const original = graph([5], (builder, x) => {
      const add = (op: string, value: Value, number: number) =>
        builder.add(op, [value, floatScalar(number)], "float32", [5]);
      return add("Mul", add("Mul", add("Sub", add("Div", add("Mul", add("Add", x, 0), 1), 1), 0), 3), 0.5);
    });
    const passed = untilStable([foldConstants, removeDeadNodes])(original);
    expect(operators(passed)).toEqual(["Mul"]);
    await same(passed, original, input);
  });

  it("does the arithmetic of two numbers in float32", () => {
    const passed = foldConstants(
      graph([2], (builder, x) => {
        const sum = builder.add("Add", [floatScalar(0.1), floatScalar(0.2)], "float32", []);
        return builder.add("Mul", [x, sum], "float32", [2]);
      }),
    );
    expect(operators(passed)).toEqual(["Mul"]);
    expect(passed.nodes[0]?.inputs[1]?.constant).toEqual(Float32Array.of(Math.fround(0.1) + Math.fround(0.2)));
  });
});

describe("bias fusion", () => {
  const weights: TestInput = { shape: [4, 2] };
  it("adds a bias inside the product", async () => {
    const work: TensorFunction = (x, w, b) => tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b as tf.Tensor);
    const passes = untilStable([fuseGemmBias, removeDeadNodes]);
    expect((await optimized(passes, work, [matrix, weights, { shape: [2] }])).after).toEqual(["Gemm"]);
  });

  it("leaves a product alone that somebody else reads, or a sum that is no bias", async () => {
    const passes = untilStable([fuseGemmBias, removeDeadNodes]);
    const read: TensorFunction = (x, w, b) => {
      const product = tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D);
      return [tf.add(product, b as tf.Tensor), product];
    };
    expect((await optimized(passes, read, [matrix, weights, { shape: [2] }])).after).toEqual(["Gemm", "Add"]);
    const column: TensorFunction = (x, w, b) => tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b as tf.Tensor);
    expect((await optimized(passes, column, [matrix, weights, { shape: [3, 1] }])).after).toEqual(["Gemm", "Add"]);
  });
});

describe("relu's gradient", () => {
  it("reads what relu gave, also at zero and below", async () => {
    const input: TestInput = { shape: [6], values: [-2, -1e-30, 0, 1e-30, 1e-20, 3] };
    const work: TensorFunction = (x) => [tf.relu(x as tf.Tensor), tf.grad((z) => tf.relu(z))(x as tf.Tensor)];
    const recorded = graphOf(work, [input], asRecorded);
    const passed = readReluOutput(recorded);
    const step = passed.nodes.find(({ op }) => op === "HardSigmoid");
    const relu = passed.nodes.find(({ outputs }) => outputs[0] === step?.inputs[0]);
    expect(relu?.op).toBe("Relu");
    const [, gradient] = await runGraph(passed, [input]);
    expect(gradient?.values).toEqual([0, 0, 0, 1, 1, 1]);
  });
});

describe("column sums", () => {
  it("become a product with ones, whatever shape they keep", async () => {
    const work: TensorFunction = (x) => [tf.sum(x as tf.Tensor, 0), tf.sum(x as tf.Tensor, 0, true)];
    const { after: passed } = await optimized(untilStable([sumColumnsByProduct, collapseReshapes]), work, [matrix]);
    expect(passed).not.toContain("ReduceSum");
    expect(passed.filter((op) => op === "Gemm")).toHaveLength(2);
  });

  it("leave other sums alone", async () => {
    const work: TensorFunction = (x) => [tf.sum(x as tf.Tensor, 1), tf.sum(x as tf.Tensor)];
    expect((await optimized(sumColumnsByProduct, work, [matrix])).after).toEqual(["ReduceSum", "ReduceSum"]);
  });
});

describe("narrow products", () => {
  const product: TensorFunction = (h, dy) => tf.matMul(h as tf.Tensor2D, dy as tf.Tensor2D, true, false);
  it("are computed the other way round when they are tall and thin", async () => {
    const { after: passed } = await optimized(flipNarrowProducts, product, [{ shape: [256, 64] }, { shape: [256, 3] }]);
    expect(passed).toEqual(["Transpose", "MatMul", "Transpose", "Identity"]);
  });

  it("are left alone when they are small, square, or a single column", async () => {
    for (const [rows, width, outputs] of [
      [8, 64, 3],
      [256, 64, 64],
      [256, 256, 1],
    ] as const) {
      const inputs = [{ shape: [rows, width] }, { shape: [rows, outputs] }];
      expect((await optimized(flipNarrowProducts, product, inputs)).after).toEqual(["Gemm"]);
    }
  });
});

describe("scalar factors", () => {
  const number: TestInput = { shape: [], values: [0.7] };
  const other: TestInput = { shape: [], values: [-1.3] };
  const vector: TestInput = { shape: [50] };
  it("of a chain of products and quotients are collected at its end", async () => {
    const work: TensorFunction = (m, d, a, b) =>
      tf.mul(tf.div(tf.div(m as tf.Tensor, a as tf.Tensor), tf.exp(d as tf.Tensor)), b as tf.Tensor);
    const passes = untilStable([collectScalarFactors, collapseReshapes, removeDeadNodes]);
    const recorded = graphOf(work, [vector, vector, number, other], asRecorded);
    const passed = passes(recorded);
    const large = (graph: Graph) => graph.nodes.filter(({ outputs }) => outputs[0]?.shape.length === 1).length;
    expect(large(recorded)).toBe(4);
    expect(large(passed)).toBe(3);
    expect(
      difference(
        await runGraph(passed, [vector, vector, number, other]),
        await runGraph(recorded, [vector, vector, number, other]),
        1e-6,
      ),
    ).toBeUndefined();
  });

  it("are left where somebody reads the middle of the chain", async () => {
    const work: TensorFunction = (m, a, b) => {
      const middle = tf.div(m as tf.Tensor, a as tf.Tensor);
      return [middle, tf.mul(middle, b as tf.Tensor)];
    };
    expect((await optimized(collectScalarFactors, work, [vector, number, other])).after).toEqual(["Div", "Mul"]);
  });
});
