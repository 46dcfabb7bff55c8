import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { Column, Table } from "../../../../services/data/table/table.ts";
import { compileInference } from "../../../../services/engine/compiler/inference.ts";
import type { InferenceInput, InferenceProgram } from "../../../../services/engine/compiler/inference-program.ts";
import { decodeModel } from "../../../../services/engine/compiler/onnx/decode-model.ts";
import type { ModelProto } from "../../../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../../../services/engine/compiler/onnx/onnx-proto.ts";
import { readRowProgram } from "../../../../services/engine/compiler/read-row-program.ts";
import type { RowProgram } from "../../../../services/engine/compiler/row-program.ts";
import { loadOnnxSnapshot } from "../../../../services/learning/snapshot/onnx-snapshot-model.ts";
import { loadRowSnapshot } from "../../../../services/learning/snapshot/row-snapshot-model.ts";
import type { SnapshotContract } from "../../../../services/learning/snapshot/snapshot-model.ts";

const VOCABULARY = ["", "blue", "green", "zwölf"];

const ACTIVATIONS = { relu: tf.relu, tanh: tf.tanh, sigmoid: tf.sigmoid } as const;

interface Snapshot {
  readonly numeric: readonly number[];
  readonly categorical: number;
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: keyof typeof ACTIVATIONS;
  readonly link: "identity" | "softmax";
  readonly seed: number;
}

const snapshots: fc.Arbitrary<Snapshot> = fc.record({
  numeric: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 }),
  categorical: fc.integer({ min: 0, max: 2 }),
  hidden: fc.array(fc.integer({ min: 1, max: 130 }), { maxLength: 2 }),
  outputs: fc.integer({ min: 1, max: 7 }),
  activation: fc.constantFrom("relu", "tanh", "sigmoid"),
  link: fc.constantFrom("identity", "softmax"),
  seed: fc.nat(),
});

/** As the product compiles them: standardized inputs, a dense network, a link, raw outputs. */
function programOf({ numeric, categorical, hidden, outputs, activation, link, seed }: Snapshot): InferenceProgram {
  const inputs: InferenceInput[] = [
    ...numeric.map((width, i): InferenceInput => ({ name: `x${i}`, kind: "numeric", width })),
    ...Array.from({ length: categorical }, (_, i): InferenceInput => {
      return { name: `c${i}`, kind: "categorical", vocabulary: VOCABULARY.slice(0, i + 3) };
    }),
  ];
  const draw = (stream: string, length: number, sigma = 1) => {
    const values = new Float32Array(length);
    createRandom(seed, stream).fillGaussian(values, sigma);
    return values;
  };
  return {
    inputs,
    output: { name: "y", width: outputs },
    predict: (raw) => {
      const encoded = inputs.map((input) => {
        const x = raw[input.name] as tf.Tensor2D;
        if (input.kind === "categorical") return x;
        const spread = draw(`std/${input.name}`, input.width).map((value) => 0.5 + Math.abs(value));
        return tf.div(tf.sub(x, draw(`mean/${input.name}`, input.width)), spread) as tf.Tensor2D;
      });
      let x = encoded.length === 1 ? (encoded[0] as tf.Tensor2D) : tf.concat2d(encoded, 1);
      for (const [at, width] of [...hidden, outputs].entries()) {
        const inner = x.shape[1];
        const weights = tf.tensor2d(draw(`weights${at}`, inner * width, Math.sqrt(1 / inner)), [inner, width]);
        x = tf.add(tf.matMul(x, weights), tf.tensor1d(draw(`bias${at}`, width))) as tf.Tensor2D;
        if (at < hidden.length) x = ACTIVATIONS[activation](x);
      }
      if (link === "softmax") return tf.softmax(x);
      return tf.add(tf.mul(x, draw("scale", outputs)), draw("shift", outputs)) as tf.Tensor2D;
    },
  };
}

function tableOf(program: InferenceProgram, rows: number, seed: number): Table {
  const columns: Record<string, Column> = {};
  for (const input of program.inputs) {
    const random = createRandom(seed, `table/${input.name}`);
    if (input.kind === "numeric") {
      const values = new Float32Array(rows * input.width);
      random.fillGaussian(values, 2);
      columns[input.name] = { kind: "numeric", width: input.width, values };
    } else {
      // The table's own dictionary, in another order and with texts that the model has not seen.
      const dictionary = ["never seen", ...[...VOCABULARY].reverse()];
      const codes = Int32Array.from({ length: rows }, () => random.below(dictionary.length));
      columns[input.name] = { kind: "categorical", width: 1, codes, dictionary };
    }
  }
  return { rows, columns };
}

function contractOf({ inputs, output }: InferenceProgram): SnapshotContract {
  return {
    inputs: inputs.map((input) => ({
      name: input.name,
      kind: input.kind,
      width: input.kind === "numeric" ? input.width : 1,
    })),
    output: { ...output, kind: "numeric" },
  };
}

const SMALL: Snapshot = {
  numeric: [3],
  categorical: 1,
  hidden: [8],
  outputs: 2,
  activation: "relu",
  link: "identity",
  seed: 1,
};

describe("a snapshot that runs as WebAssembly", () => {
  it("agrees with the same file in ONNX Runtime to 1e-6 of the size of its outputs", async () => {
    await fc.assert(
      fc.asyncProperty(snapshots, fc.constantFrom(1, 128, 333), async (snapshot, rows) => {
        const program = programOf(snapshot);
        const { bytes } = compileInference(program);
        const contract = contractOf(program);
        const native = await loadOnnxSnapshot(bytes, contract);
        const own = loadRowSnapshot(readRowProgram(bytes) as RowProgram, contract);
        const table = tableOf(program, rows, snapshot.seed);
        const [expected, values] = [await native.predict(table), await own.predict(table)];
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        expect(values).toHaveLength(expected.length);
        values.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-6 * scale);
        });
        await native.dispose();
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it("passes NaN and infinite inputs on as ONNX Runtime does", async () => {
    const program = programOf({ ...SMALL, categorical: 0 });
    const { bytes } = compileInference(program);
    const values = Float32Array.of(Number.NaN, 0, 0, Number.POSITIVE_INFINITY, 0, 0, 1, 2, 3);
    const table: Table = { rows: 3, columns: { x0: { kind: "numeric", width: 3, values } } };
    const native = await loadOnnxSnapshot(bytes, contractOf(program));
    const own = loadRowSnapshot(readRowProgram(bytes) as RowProgram, contractOf(program));
    const finite = (list: Float32Array) => Array.from(list, (value) => Number.isFinite(value));
    expect(finite(await own.predict(table))).toEqual(finite(await native.predict(table)));
    await native.dispose();
  });
});

describe("a model that is left to ONNX Runtime", () => {
  const bytes = () => compileInference(programOf(SMALL)).bytes;
  const changes: [string, (model: ModelProto) => void][] = [
    ["of other software", (model) => Object.assign(model, { producerName: "pytorch" })],
    ["of another operator set", (model) => Object.assign(model.opsetImport?.[0] ?? {}, { version: 21 })],
    ["with an unknown operator", (model) => Object.assign(model.graph?.node?.at(-1) ?? {}, { opType: "Cumsum" })],
    ["with an operator of another domain", (model) => Object.assign(model.graph?.node?.at(-1) ?? {}, { domain: "a" })],
    [
      "with an unknown attribute",
      (model) => {
        const gemm = model.graph?.node?.find(({ opType }) => opType === "Gemm");
        gemm?.attribute?.push({ name: "alpha", type: 1, f: 2 });
      },
    ],
    ["with two outputs", (model) => model.graph?.output?.push({ ...model.graph.output[0], name: "z" })],
    ["with a name that is defined twice", (model) => model.graph?.node?.push({ ...model.graph.node[0] })],
    ["with a missing value", (model) => Object.assign(model.graph?.node?.at(-1) ?? {}, { input: ["gone", "gone"] })],
    [
      "with a tensor of the wrong size",
      (model) => {
        const weights = model.graph?.initializer?.find(({ dims }) => dims?.length === 2 && dims[0] !== 1);
        Object.assign(weights ?? {}, { dims: [5, 5] });
      },
    ],
    [
      "with a fixed number of rows",
      (model) => {
        const dimension = model.graph?.input?.[0]?.type?.tensorType?.shape?.dim;
        if (dimension !== undefined) dimension[0] = { dimValue: 128 };
      },
    ],
  ];

  it.each(changes)("is one %s", (_, change) => {
    expect(readRowProgram(bytes())).toBeDefined();
    const model = decodeModel(bytes());
    change(model);
    expect(readRowProgram(encodeModel(model))).toBeUndefined();
  });

  it("is one with more weights than pay off", () => {
    expect(readRowProgram(compileInference(programOf({ ...SMALL, hidden: [1100, 1000] })).bytes)).toBeUndefined();
  });
});
