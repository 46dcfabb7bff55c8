import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { Table } from "../../../../services/data/table/table.ts";
import { compileInference } from "../../../../services/engine/compiler/inference.ts";
import type { InferenceProgram } from "../../../../services/engine/compiler/inference-program.ts";
import { decodeModel } from "../../../../services/engine/compiler/onnx/decode-model.ts";
import { createTfjsSandbox } from "../../../../services/engine/tfjs/tfjs-sandbox.ts";
import { loadSnapshotModel } from "../../../../services/learning/snapshot/load-snapshot-model.ts";

const cpu = createTfjsSandbox("cpu");

/** A program over one numeric input x of the given width, with whatever `build` makes of it. */
function program(width: number, output: number, predict: (x: tf.Tensor2D) => tf.Tensor): InferenceProgram {
  return {
    inputs: [{ name: "x", kind: "numeric", width }],
    output: { name: "y", width: output },
    predict: ({ x }) => predict(x as tf.Tensor2D) as tf.Tensor2D,
  };
}

function numbers(rows: number, width: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: rows * width }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 1073741824 - 1;
  });
}

const table = (rows: number, width: number, seed = 1): Table => ({
  rows,
  columns: { x: { kind: "numeric", width, values: numbers(rows, width, seed) } },
});

async function predictions(compiled: InferenceProgram, data: Table): Promise<Float32Array> {
  const { bytes } = compileInference(compiled);
  const model = await loadSnapshotModel(bytes, {
    inputs: compiled.inputs.map((input) => ({
      name: input.name,
      kind: input.kind,
      width: input.kind === "numeric" ? input.width : 1,
    })),
    output: { name: "y", kind: "numeric", width: compiled.output.width },
  });
  try {
    return await model.predict(data);
  } finally {
    await model.dispose();
  }
}

function eager(compiled: InferenceProgram, data: Table): Float32Array {
  return cpu.run(() => {
    const column = data.columns.x;
    if (column?.kind !== "numeric") throw new Error("x is numeric");
    const x = tf.tensor2d(column.values, [data.rows, column.width]);
    return compiled.predict({ x }).dataSync() as Float32Array;
  });
}

function close(actual: Float32Array, expected: Float32Array, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, index) => {
    const wanted = expected[index] as number;
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted)));
  });
}

describe("compiled inference", () => {
  it("answers as tfjs does, for any number of rows, with the weights inside", async () => {
    const [w1, b1, w2] = cpu.run(() => [
      tf.keep(tf.randomNormal([5, 16], 0, 1, "float32", 1)),
      tf.keep(tf.randomNormal([16], 0, 1, "float32", 2)),
      tf.keep(tf.randomNormal([16, 3], 0, 1, "float32", 3)),
    ]) as [tf.Tensor2D, tf.Tensor1D, tf.Tensor2D];
    const dense = program(5, 3, (x) => tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2));
    for (const rows of [1, 2, 7, 5000]) {
      const data = table(rows, 5);
      close(await predictions(dense, data), eager(dense, data));
    }
  });

  it("names inputs and output as given and leaves the first dimension open", () => {
    const { bytes, opset } = compileInference(program(2, 2, (x) => x.mul(2)));
    const model = decodeModel(bytes);
    const shape = (dim: { dimValue?: number; dimParam?: string }[] | undefined) =>
      dim?.map(({ dimValue, dimParam }) => dimParam ?? dimValue);
    expect(model.opsetImport).toEqual([{ domain: "", version: opset }]);
    const [input] = model.graph?.input ?? [];
    const [output] = model.graph?.output ?? [];
    expect(input?.name).toBe("x");
    expect(shape(input?.type?.tensorType?.shape?.dim)).toEqual(["rows", 2]);
    expect(output?.name).toBe("y");
    expect(shape(output?.type?.tensorType?.shape?.dim)).toEqual(["rows", 2]);
  });

  it("follows the rows through reshapes, fills, concatenations and expansions", async () => {
    const odd = program(6, 8, (x) => {
      const rows = x.shape[0];
      const cube = tf.reshape(x, [rows, 2, 3]);
      const sums = tf.sum(cube, 2);
      const ones = tf.ones([rows, 1]);
      const flat = tf.reshape(tf.transpose(cube, [0, 2, 1]), [rows * 6]);
      const back = tf.reshape(flat, [rows, 6]).slice([0, 0], [rows, 2]);
      return tf.concat([sums, ones, tf.onesLike(sums), back, tf.zeros([rows, 1])], 1);
    });
    const data = table(9, 6);
    close(await predictions(odd, data), eager(odd, data));
  });

  it("can hand an input straight through", async () => {
    const data = table(3, 2);
    close(
      await predictions(
        program(2, 2, (x) => x),
        data,
      ),
      numbers(3, 2),
    );
  });

  it("compiles tf.layers models", async () => {
    const model = cpu.run(() => {
      const layers = tf.sequential({
        layers: [
          tf.layers.dense({ units: 8, inputShape: [4], activation: "tanh" }),
          tf.layers.dense({ units: 6, activation: "elu" }),
          tf.layers.batchNormalization(),
          tf.layers.leakyReLU(),
          tf.layers.dropout({ rate: 0.5 }),
          tf.layers.dense({ units: 3, activation: "softmax" }),
        ],
      });
      return layers;
    });
    const net = program(4, 3, (x) => model.apply(x) as tf.Tensor);
    const data = table(11, 4);
    const compiled = await predictions(net, data);
    close(compiled, eager(net, data));
    expect(compiled.slice(0, 3).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });

  it("encodes strings inside the graph, unknown ones as zeros", async () => {
    const compiled: InferenceProgram = {
      inputs: [
        { name: "x", kind: "numeric", width: 1 },
        { name: "color", kind: "categorical", vocabulary: ["red", "grün", ""] },
      ],
      output: { name: "y", width: 4 },
      predict: ({ x, color }) => tf.concat([x as tf.Tensor2D, color as tf.Tensor2D], 1),
    };
    const answer = await predictions(compiled, {
      rows: 4,
      columns: {
        x: { kind: "numeric", width: 1, values: Float32Array.of(1, 2, 3, 4) },
        color: {
          kind: "categorical",
          width: 1,
          codes: Int32Array.of(0, 1, 2, 3),
          dictionary: ["grün", "red", "blue", ""],
        },
      },
    });
    expect([...answer]).toEqual([1, 0, 1, 0, 2, 1, 0, 0, 3, 0, 0, 0, 4, 0, 0, 1]);
  });

  it("refuses a model whose output has another shape", () => {
    expect(() => compileInference(program(2, 3, (x) => x))).toThrow(/output y has shape \[rows,2\].*\[rows, 3\]/);
    expect(() => compileInference(program(2, 2, (x) => x.sum(0, true)))).toThrow(/shape \[1,2\]/);
  });

  it("refuses a model that reads values, naming the operation", () => {
    expect(() =>
      compileInference(
        program(2, 2, (x) => {
          x.dataSync();
          return x;
        }),
      ),
    ).toThrow(/reads the values.*tf.where/s);
  });

  it("refuses a kernel that it does not know, naming kernel and operation", () => {
    const convolution = program(4, 4, (x) =>
      tf.conv2d(x.reshape([-1, 2, 2, 1]) as tf.Tensor4D, tf.ones([1, 1, 1, 1]), 1, "same").reshape([-1, 4]),
    );
    expect(() => compileInference(convolution)).toThrow(/kernel Conv2D.*tf\.conv2d.*engine/);
  });

  it("refuses a prediction that is not repeatable", () => {
    expect(() =>
      compileInference(
        program(2, 2, (x) => {
          const rows = x.shape[0];
          return x.add(tf.randomNormal([rows, 2]));
        }),
      ),
    ).toThrow(/random/);
  });
});
