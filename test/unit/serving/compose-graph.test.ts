import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { Column, Table } from "../../../services/data/table/table.ts";
import { decodeModel } from "../../../services/engine/compiler/onnx/decode-model.ts";
import { encodeModel } from "../../../services/engine/compiler/onnx/onnx-proto.ts";
import { inspectModel } from "../../../services/learning/snapshot/inspection/inspect-model.ts";
import { loadSnapshotModel } from "../../../services/learning/snapshot/load-snapshot-model.ts";
import { loadOnnxSnapshot } from "../../../services/learning/snapshot/onnx-snapshot-model.ts";
import type { SnapshotContract, SnapshotModel } from "../../../services/learning/snapshot/snapshot-model.ts";
import type { ModelContract } from "../../../services/pipeline/manifest.ts";
import { contentOf } from "../../../services/pipeline/pipeline-content.ts";
import { composedOutput, composeGraph } from "../../../services/serving/compose-graph.ts";
import { type PipelineShape, pipelineShape } from "../../../services/serving/pipeline-shape.ts";
import { floats, modelOf, node, value } from "../../corpus/build-model.ts";
import { denseBytes, heldOutOf, oracleOf, spoilt, twoStage } from "../../helpers/dense-snapshots.ts";
import { colorContracts, colorRows, colorShape, networkBytes } from "../../helpers/served-models.ts";

const paper = pipelineShape(contentOf(twoStage)) as PipelineShape;
const paperContracts: Readonly<Record<string, ModelContract>> = {
  m1: { inputs: [numbers("x1", 10)], output: numbers("z", 3) },
  m2: { inputs: [numbers("x2", 5), numbers("z", 3)], output: numbers("y", 1) },
};

function numbers(name: string, width: number) {
  return { name, kind: "numeric", width } as const;
}

function tensorOf(column: Column, rows: number): Tensor {
  if (column.kind === "numeric") return new Tensor("float32", column.values, [rows, column.width]);
  const texts = [...column.codes].map((code) => column.dictionary[code] ?? "");
  return new Tensor("string", texts, [rows, 1]);
}

/** The outputs of all components by composing them in this process, one model after the other. */
async function stepByStep(
  shape: PipelineShape,
  contracts: Readonly<Record<string, ModelContract>>,
  models: ReadonlyMap<string, Uint8Array>,
  table: Table,
  load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>,
): Promise<ReadonlyMap<string, Float32Array>> {
  const outputs = new Map<string, Float32Array>();
  const columns: Record<string, Column> = { ...table.columns };
  for (const { name, output } of shape.components) {
    const contract = contracts[name] as ModelContract;
    const model = await load(models.get(name) as Uint8Array, contract);
    const values = await model.predict({ rows: table.rows, columns });
    await model.dispose();
    columns[output] = { kind: "numeric", width: contract.output.width, values };
    outputs.set(composedOutput(name, output), values);
  }
  return outputs;
}

async function atOnce(graph: Uint8Array, table: Table): Promise<ReadonlyMap<string, Float32Array>> {
  const session = await InferenceSession.create(graph, { executionProviders: ["cpu"], intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [name, tensorOf(table.columns[name] as Column, table.rows)]),
  );
  const results = await session.run(feeds);
  await session.release();
  return new Map(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, one, at) => Math.max(most, Math.abs(one - (b[at] as number)) / Math.max(1, Math.abs(one))), 0);
}

const paperModels = new Map([
  ["m1", denseBytes(spoilt(oracleOf("m1"), 0.1), "z")],
  ["m2", denseBytes(spoilt(oracleOf("m2"), 0.1), "y")],
]);
const colorModels = new Map(
  colorShape.components.map(({ name }, seed) => [name, networkBytes(colorContracts[name] as ModelContract, seed)]),
);

describe.each([
  ["the paper's pipeline", paper, paperContracts, paperModels, () => heldOutOf(twoStage)],
  ["a pipeline with a categorical column", colorShape, colorContracts, colorModels, async () => colorRows(300)],
] as const)("%s as one graph", (_, shape, contracts, models, rows) => {
  test("gives what its models give one after the other: the same bits in ONNX Runtime, to 1e-6 in Uncouple", async () => {
    const table = await rows();
    const graph = composeGraph(shape, models);
    const found = await atOnce(graph, table);
    const onnx = await stepByStep(shape, contracts, models, table, loadOnnxSnapshot);
    expect([...found.keys()]).toEqual([...onnx.keys()]);
    for (const [name, values] of onnx) expect(found.get(name), name).toEqual(values);
    const own = await stepByStep(shape, contracts, models, table, loadSnapshotModel);
    for (const [name, values] of own)
      expect(largestDifference(values, found.get(name) as Float32Array)).toBeLessThan(1e-6);
  });

  test("passes the inspection of snapshots, and equal models give equal bytes", () => {
    const graph = composeGraph(shape, models);
    expect(() => inspectModel(graph)).not.toThrow();
    expect(composeGraph(shape, models)).toEqual(graph);
  });
});

/** As another program could export it: other names of the rows, names that other models have too, a body, a node with a name. */
function foreign(input: string, width: number, output: string, outputs: number, change = {}): Uint8Array {
  const body = (scale: string, name: string) => ({
    name,
    node: [node("Mul", `hidden ${scale}`, "chosen")],
    output: [value("chosen", ["batch", outputs])],
  });
  return encodeModel(
    modelOf({
      nodes: [
        { ...node("MatMul", `${input} weights`, "hidden"), name: "layer" },
        node("ReduceSum", "hidden", "total", { keepdims: 0 }),
        node("Greater", "total zero", "positive"),
        node("If", "positive", output, {
          then_branch: { g: body("twice", "then") },
          else_branch: { g: body("half", "else") },
        }),
      ],
      constants: [
        floats("weights", [width, outputs], (at) => Math.sin(at + width)),
        floats("zero", []),
        floats("twice", [], () => 2),
        floats("half", [], () => 0.5),
      ],
      graph: { input: [value(input, ["batch", width])], output: [value(output, ["batch", outputs])] },
      ...change,
    }),
  );
}

const ends: PipelineShape = {
  name: "ends",
  components: [
    { name: "first", upstream: [], output: "z" },
    { name: "second", upstream: ["first"], output: "y" },
  ],
};
const endContracts = {
  first: { inputs: [numbers("x", 4)], output: numbers("z", 3) },
  second: { inputs: [numbers("z", 3)], output: numbers("y", 2) },
};

describe("models of another program", () => {
  test("with equal names inside and bodies of their own compose", async () => {
    const models = new Map([
      ["first", foreign("x", 4, "z", 3)],
      ["second", foreign("z", 3, "y", 2)],
    ]);
    const table = colorRows(50);
    const graph = composeGraph(ends, models);
    const found = await atOnce(graph, table);
    expect(found).toEqual(await stepByStep(ends, endContracts, models, table, loadOnnxSnapshot));
    expect(decodeModel(graph).graph?.input?.map(({ type }) => type?.tensorType?.shape?.dim?.[0]?.dimParam)).toEqual([
      "rows",
    ]);
  });

  test("compose with Uncouple's where both use one operator set, whichever name it has", async () => {
    const opsets = (domain: string, version: number) => ({ model: { opsetImport: [{ domain, version }] } });
    const own = networkBytes(endContracts.second, 3);
    const compose = (change: object) =>
      composeGraph(
        ends,
        new Map([
          ["first", foreign("x", 4, "z", 3, change)],
          ["second", own],
        ]),
      );
    expect((await atOnce(compose(opsets("ai.onnx", 19)), colorRows(10))).size).toBe(2);
    expect(() => compose(opsets("", 21))).toThrow(
      "first needs version 21 of the operator set ai.onnx, and second version 19: export both for one version",
    );
  });
});

describe("a pipeline that is not complete", () => {
  test("has the components whose inputs are all there", () => {
    const without = (name: string) => new Map([...colorModels].filter(([one]) => one !== name));
    const outputs = (graph: Uint8Array) => decodeModel(graph).graph?.output?.map(({ name }) => name);
    expect(outputs(composeGraph(colorShape, without("price")))).toEqual(["class/p"]);
    expect(outputs(composeGraph(colorShape, without("rank")))).toEqual(["class/p", "price/y"]);
    expect(() => composeGraph(colorShape, without("class"))).toThrow("no component has a model and those of all");
  });
});

test("columns that cannot be shared are named", () => {
  const other = { inputs: [numbers("x", 5), numbers("p", 3)], output: numbers("y", 1) };
  const apart = new Map([...colorModels, ["price", networkBytes(other, 1)]]);
  expect(() => composeGraph(colorShape, apart)).toThrow(
    "class and price read column x with different types: 1x[4] and 1x[5]",
  );
  const slash = new Map([
    ["first", foreign("second/z", 4, "z", 3)],
    ["second", foreign("z", 3, "y", 2)],
  ]);
  expect(() => composeGraph(ends, slash)).toThrow("column second/z could have the name of a value of second");
});
