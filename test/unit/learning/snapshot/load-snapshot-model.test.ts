import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { Table } from "../../../../services/data/table/table.ts";
import { compileInference } from "../../../../services/engine/compiler/inference.ts";
import { decodeModel } from "../../../../services/engine/compiler/onnx/decode-model.ts";
import type { ModelProto } from "../../../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../../../services/engine/compiler/onnx/onnx-proto.ts";
import { loadSnapshotModel } from "../../../../services/learning/snapshot/load-snapshot-model.ts";
import type { SnapshotContract } from "../../../../services/learning/snapshot/snapshot-model.ts";

const contract: SnapshotContract = {
  inputs: [{ name: "x", kind: "numeric", width: 2 }],
  output: { name: "y", kind: "numeric", width: 3 },
};

let bytes: Uint8Array;

beforeAll(() => {
  const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
  bytes = compileInference({
    inputs: [{ name: "x", kind: "numeric", width: 2 }],
    output: { name: "y", width: 3 },
    predict: ({ x }) => tf.matMul(x as tf.Tensor2D, tf.tensor2d(weights, [2, 3])),
  }).bytes;
});

const rows = (...values: number[]): Table => ({
  rows: values.length / 2,
  columns: { x: { kind: "numeric", width: 2, values: Float32Array.from(values) } },
});

function edited(change: (model: ModelProto) => void): Uint8Array {
  const model = decodeModel(bytes);
  change(model);
  return encodeModel(model);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UncoupleError);
  expect((thrown as UncoupleError).code).toBe("invalid-argument");
  return (thrown as UncoupleError).message;
}

describe("a loaded snapshot", () => {
  it("yields to other work between the batches of a long prediction", async () => {
    const model = await loadSnapshotModel(bytes, contract);
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await model.predict(rows(...new Array(2 * 5 * 4096).fill(1)));
    done = true;
    expect(turns).toBeGreaterThanOrEqual(5);
    await model.dispose();
  });

  it("predicts the same in batches as in one call, and does not modify its input", async () => {
    const model = await loadSnapshotModel(bytes, contract);
    const many = rows(...Array.from({ length: 20_002 }, (_, index) => index % 7));
    const answer = await model.predict(many);
    expect(answer.length).toBe(30_003);
    const column = many.columns.x;
    if (column?.kind !== "numeric") throw new Error("x is numeric");
    for (const row of [0, 4095, 4096, 10_000]) {
      const [a, b] = [column.values[row * 2] as number, column.values[row * 2 + 1] as number];
      expect([...answer.slice(row * 3, row * 3 + 3)]).toEqual([a + 4 * b, 2 * a + 5 * b, 3 * a + 6 * b]);
      expect(a).toBe((row * 2) % 7);
    }
    await model.dispose();
  });

  it("predicts nothing for no rows", async () => {
    const model = await loadSnapshotModel(bytes, contract);
    expect(await model.predict(rows())).toHaveLength(0);
    await model.dispose();
  });

  it("rejects a missing or misshapen input by name", async () => {
    const model = await loadSnapshotModel(bytes, contract);
    expect(await refusal(model.predict({ rows: 1, columns: {} }))).toMatch(/input x is missing/);
    const narrow: Table = { rows: 2, columns: { x: { kind: "numeric", width: 1, values: Float32Array.of(1, 2) } } };
    expect(await refusal(model.predict(narrow))).toMatch(/input x has 2 values of width 1.*\[2, 2\]/);
    const text: Table = {
      rows: 1,
      columns: { x: { kind: "categorical", width: 1, codes: Int32Array.of(0), dictionary: ["a"] } },
    };
    expect(await refusal(model.predict(text))).toMatch(/input x is categorical/);
    await model.dispose();
  });

  it("can be disposed twice, and does not predict after that", async () => {
    const model = await loadSnapshotModel(bytes, contract);
    await model.dispose();
    await model.dispose();
    await expect(model.predict(rows(1, 2))).rejects.toMatchObject({ code: "failed-precondition" });
  });
});

describe("a snapshot that does not match the pipeline file or is not safe to run", () => {
  const input = (change: Partial<SnapshotContract["inputs"][number]>): SnapshotContract => ({
    ...contract,
    inputs: [{ name: "x", kind: "numeric", width: 2, ...change }],
  });
  const cases: [string, SnapshotContract, RegExp][] = [
    ["a different input name", input({ name: "z" }), /has an input x that the component does not; expected z/],
    ["a different input width", input({ width: 5 }), /input x is float32 \[rows, 2\].*float32 \[rows, 5\]/],
    ["a different input kind", input({ kind: "categorical", width: 1 }), /input x is float32.*string \[rows, 1\]/],
    [
      "an input too few",
      { ...contract, inputs: [...contract.inputs, { name: "u", kind: "numeric", width: 1 }] },
      /no input u; found: x/,
    ],
    ["a different output name", { ...contract, output: { ...contract.output, name: "q" } }, /no output q; found: y/],
    ["a different output width", { ...contract, output: { ...contract.output, width: 4 } }, /output y.*\[rows, 4\]/],
  ];
  it.each(cases)("is rejected: %s", async (_, wanted, message) => {
    expect(await refusal(loadSnapshotModel(bytes, wanted))).toMatch(message);
  });

  it("is rejected if the bytes are not a model", async () => {
    expect(await refusal(loadSnapshotModel(new Uint8Array(0), contract))).toMatch(/not a valid ONNX model/);
    expect(await refusal(loadSnapshotModel(new TextEncoder().encode("not a model"), contract))).toMatch(
      /not a valid ONNX model/,
    );
    expect(await refusal(loadSnapshotModel(bytes.slice(0, bytes.length / 2), contract))).toMatch(/model/);
  });

  it("is rejected if it stores tensors in external files", async () => {
    const external = edited((model) => {
      const tensor = model.graph?.initializer?.find(({ dims }) => dims?.length === 2);
      if (tensor === undefined) throw new Error("no weights");
      delete tensor.rawData;
      tensor.dataLocation = 1;
      tensor.externalData = [{ key: "location", value: "/etc/passwd" }];
    });
    expect(await refusal(loadSnapshotModel(external, contract))).toMatch(
      /stores a tensor in an external file \(graph\.initializer\[0\]/,
    );
  });

  it("is rejected if it would make ONNX Runtime read a file on this machine", async () => {
    const folder = await mkdtemp(join(tmpdir(), "uncouple-model-"));
    const before = process.cwd();
    onTestFinished(async () => {
      process.chdir(before);
      await rm(folder, { recursive: true });
    });
    process.chdir(folder);
    await writeFile("secret.bin", new Uint8Array(Float32Array.of(42, 7, 9).buffer));
    const thief = edited(({ graph }) => {
      const values = {
        name: "v",
        dims: [3],
        dataType: 1,
        dataLocation: 1,
        externalData: [{ key: "location", value: "secret.bin" }],
      };
      const indices = {
        name: "i",
        dims: [3],
        dataType: 7,
        rawData: new Uint8Array(BigInt64Array.of(0n, 1n, 2n).buffer),
      };
      const secret = { name: "sparse_value", type: 11, sparseTensor: { dims: [3], values, indices } };
      if (graph === undefined) throw new Error("no graph");
      for (const node of graph.node ?? []) node.output = ["product"];
      graph.node?.push(
        { opType: "Constant", output: ["secret"], attribute: [secret] },
        { opType: "Add", input: ["product", "secret"], output: ["y"] },
      );
    });
    const session = await InferenceSession.create(thief);
    const { y } = await session.run({ x: new Tensor("float32", [0, 0], [1, 2]) });
    expect(y?.data).toEqual(Float32Array.of(42, 7, 9));
    await session.release();
    expect(await refusal(loadSnapshotModel(thief, contract))).toContain(
      "external file (graph.node[1].attribute[0].sparse_tensor.values.external_data[0])",
    );
  });

  it("runs as the ONNX model that was inspected, even if it is also valid in ONNX Runtime's own format", async () => {
    const named = edited((model) => {
      delete model.irVersion;
      model.producerName = "..ORTM";
    });
    const ambiguous = Uint8Array.of(...named, 0x08, 9);
    expect(Buffer.from(ambiguous).subarray(4, 8).toString()).toBe("ORTM");
    await expect(InferenceSession.create(ambiguous)).rejects.toThrow(/ORT model/);
    const model = await loadSnapshotModel(ambiguous, contract);
    expect([...(await model.predict(rows(1, 1)))]).toEqual([5, 7, 9]);
    await model.dispose();
  });

  it("is rejected if it has an operator that is not on the list", async () => {
    const unknown = edited((model) => {
      for (const node of model.graph?.node ?? []) node.opType = "Frobnicate";
    });
    expect(await refusal(loadSnapshotModel(unknown, contract))).toMatch(
      /contains the operator Frobnicate .* must not contain/,
    );
  });

  it("is rejected if it contains a loop", async () => {
    const looping = edited((model) => {
      for (const node of model.graph?.node ?? []) node.opType = "Loop";
    });
    expect(await refusal(loadSnapshotModel(looping, contract))).toMatch(/contains the operator Loop/);
  });

  it("fails with an error instead of a crash if it needs more memory than is available", async () => {
    const greedy = edited((model) => {
      const { graph } = model;
      if (graph === undefined) throw new Error("no graph");
      const dims = new Uint8Array(BigInt64Array.of(1n << 20n, 1n << 24n).buffer);
      graph.initializer = [{ name: "dims", dims: [2], dataType: 7, rawData: dims }];
      graph.node = [
        { opType: "ConstantOfShape", input: ["dims"], output: ["vast"] },
        { opType: "ReduceSum", input: ["vast"], output: ["sum"] },
        { opType: "Add", input: ["x", "sum"], output: ["y"] },
      ];
    });
    const wide = { ...contract, output: { ...contract.output, width: 2 } };
    const attempt = async () => {
      const model = await loadSnapshotModel(greedy, wide);
      await model.predict(rows(1, 2));
    };
    await expect(attempt()).rejects.toBeInstanceOf(UncoupleError);
  });

  it("is rejected if its number of rows is fixed", async () => {
    const fixed = edited((model) => {
      for (const value of [...(model.graph?.input ?? []), ...(model.graph?.output ?? [])]) {
        const dim = value.type?.tensorType?.shape?.dim;
        if (dim !== undefined) dim[0] = { dimValue: 8 };
      }
    });
    expect(await refusal(loadSnapshotModel(fixed, contract))).toMatch(/input x is float32 \[8, 2\]/);
  });

  it("never crashes the process, whichever byte is damaged", async () => {
    let rejected = 0;
    for (let position = 0; position < bytes.length; position++) {
      const damaged = Uint8Array.from(bytes);
      damaged[position] = (damaged[position] as number) ^ (1 << (position % 8));
      try {
        const model = await loadSnapshotModel(damaged, contract);
        await model.predict(rows(1, 2)).catch((thrown: unknown) => expect(thrown).toBeInstanceOf(UncoupleError));
        await model.dispose();
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(UncoupleError);
        rejected++;
      }
    }
    expect(rejected).toBeGreaterThan(bytes.length / 4);
  });
});
