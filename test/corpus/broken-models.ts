import type { ModelProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { WIRE, wireField } from "../helpers/onnx-models.ts";
import { bytesOf, floats, LAYER, modelOf, node, soundModel, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

const text = (content: string) => new TextEncoder().encode(content);

/** An ensemble of one tree with two leaves. @param feature the column that it compares; @param below its left child */
function oneTree(feature: number, below: number): Uint8Array {
  const listed = (name: string, values: number[]) => ({ name, type: 7, ints: values });
  const leaf = "LEAF";
  return bytesOf({
    nodes: [
      {
        ...node("ai.onnx.ml/TreeEnsembleRegressor", "x1", "z"),
        attribute: [
          listed("nodes_treeids", [0, 0, 0]),
          listed("nodes_nodeids", [0, 1, 2]),
          listed("nodes_featureids", [feature, 0, 0]),
          listed("nodes_truenodeids", [below, 0, 0]),
          listed("nodes_falsenodeids", [2, 0, 0]),
          listed("target_treeids", [0, 0]),
          listed("target_nodeids", [1, 2]),
          listed("target_ids", [0, 1]),
          { name: "nodes_modes", type: 8, strings: ["BRANCH_LEQ", leaf, leaf].map(text) },
          { name: "nodes_values", type: 6, floats: [0, 0, 0] },
          { name: "target_weights", type: 6, floats: [1, 2] },
          { name: "n_targets", type: 2, i: 3 },
        ],
      },
    ],
  });
}

/** Bytes that are not a model, or contradict themselves. */
export function brokenModels(): CorpusCase[] {
  const models: Record<string, ModelProto> = {
    "no graph": { irVersion: 9 },
    "a node that reads itself": modelOf({ nodes: [node("Add", "z x1", "z")] }),
    "a cycle of two nodes": modelOf({
      nodes: [node("MatMul", "a w", "z"), node("Identity", "b", "a"), node("Identity", "a", "b")],
      constants: [WEIGHTS],
    }),
    "a name that is used and never defined": modelOf({ nodes: [node("MatMul", "x1 nothing", "z")] }),
    "an output that is never made": modelOf({ nodes: [node("MatMul", "x1 w", "other")], constants: [WEIGHTS] }),
    "two nodes with the same output": modelOf({ nodes: [LAYER, LAYER], constants: [WEIGHTS] }),
    "two constants of the same name": modelOf({ nodes: [LAYER], constants: [WEIGHTS, WEIGHTS] }),
    "a node that overwrites a constant": modelOf({ nodes: [node("Identity", "x1", "w"), LAYER], constants: [WEIGHTS] }),
    "two inputs of the same name": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      graph: { input: [value("x1", ["rows", 10]), value("x1", ["rows", 10])] },
    }),
    "an attribute twice": modelOf({
      nodes: [
        node("MatMul", "x1 w", "y"),
        { ...node("Softmax", "y", "z"), attribute: [1, 0].map((i) => ({ name: "axis", type: 2, i })) },
      ],
      constants: [WEIGHTS],
    }),
    "an attribute of another type": modelOf({
      nodes: [node("MatMul", "x1 w", "y"), node("Softmax", "y", "z", { axis: "one" })],
      constants: [WEIGHTS],
    }),
    "an attribute with two values": modelOf({
      nodes: [
        node("MatMul", "x1 w", "y"),
        { ...node("Softmax", "y", "z"), attribute: [{ name: "axis", type: 2, i: 1, ints: [1, 2] }] },
      ],
      constants: [WEIGHTS],
    }),
    "a constant with fewer elements than it declares": modelOf({
      nodes: [LAYER],
      constants: [{ ...WEIGHTS, dims: [10_000_000_000, 3] }],
    }),
    "a constant with a negative dimension": modelOf({ nodes: [LAYER], constants: [{ ...WEIGHTS, dims: [-10, -3] }] }),
    "a constant with its data twice": modelOf({
      nodes: [LAYER],
      constants: [{ ...WEIGHTS, floatData: Array<number>(30).fill(1) }],
    }),
    "strings as raw data": modelOf({ nodes: [LAYER], constants: [{ ...WEIGHTS, dataType: 8 }] }),
    "two opsets of one domain": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: { opsetImport: [{ version: 19 }, { domain: "ai.onnx", version: 13 }] },
    }),
    "no opset at all": modelOf({ nodes: [LAYER], constants: [WEIGHTS], model: { opsetImport: [] } }),
  };
  const sound = soundModel();
  const bytes: Record<string, () => Uint8Array> = {
    "nothing at all": () => new Uint8Array(),
    "a text": () => text('{"weights": [1, 2, 3]}'),
    "half a model": () => sound.subarray(0, sound.length / 2),
    "a pickle": () => text("\u0080\u0004c__builtin__\neval\n(S'1'\ntR."),
    "the format of ONNX Runtime itself": () =>
      Uint8Array.from([0x18, 0, 0, 0, ...text("ORTM"), ...Array<number>(64).fill(0)]),
    "a field that ONNX does not have": () => Uint8Array.from([...sound, ...wireField(999, WIRE.bytes, [1, 2, 3])]),
    "a length beyond the end": () => Uint8Array.from([...sound, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    "messages nested 2,000 levels deep": () => {
      let inner: Uint8Array = new Uint8Array();
      for (let level = 0; level < 2000; level++) {
        inner = wireField(1, WIRE.bytes, wireField(5, WIRE.bytes, wireField(6, WIRE.bytes, inner)));
      }
      return wireField(7, WIRE.bytes, inner);
    },
    "graphs nested 10 levels deep": () => {
      let branch = { name: "deep", node: [node("Identity", "x1", "made")], output: [value("made", ["rows", 10])] };
      for (let level = 0; level < 10; level++) {
        const attributes = { then_branch: { g: branch }, else_branch: { g: branch } };
        branch = level % 2 === 0 ? branch : { ...branch, node: [node("If", "truth", "made", attributes)] };
      }
      const attributes = { then_branch: { g: branch }, else_branch: { g: branch } };
      return bytesOf({
        nodes: [node("If", "truth", "y", attributes), node("MatMul", "y w", "z")],
        constants: [WEIGHTS, { name: "truth", dims: [], dataType: 9, int32Data: [1] }],
      });
    },
    "two million messages": () => wireField(7, WIRE.bytes, Buffer.alloc(4_000_000, wireField(11, WIRE.bytes, []))),
    "34 million numbers": () =>
      wireField(7, WIRE.bytes, wireField(5, WIRE.bytes, wireField(7, WIRE.bytes, Buffer.alloc(34_000_000, 1)))),
  };
  const found = { found: "inspection", reason: "malformed-model" } as const;
  const host = { found: "host", reason: "malformed-model" } as const;
  return [
    ...Object.entries(models).map(([name, model]) => ({ ...found, name, bytes: () => encodeModel(model) })),
    ...Object.entries(bytes).map(([name, made]) => ({ ...found, name, bytes: made })),
    {
      ...host,
      name: "shapes that do not fit together",
      bytes: () => bytesOf({ nodes: [LAYER], constants: [floats("w", [7, 3])] }),
    },
    {
      ...host,
      name: "an operator without its inputs",
      bytes: () => bytesOf({ nodes: [node("MatMul", "x1", "z")] }),
    },
    {
      ...host,
      name: "an operator with inputs of a wrong type",
      bytes: () => bytesOf({ nodes: [node("And", "x1 x1", "y"), node("MatMul", "y w", "z")], constants: [WEIGHTS] }),
    },
    { ...host, name: "a tree whose root is its own child", bytes: () => oneTree(0, 0) },
    { ...host, name: "a tree that reads memory beyond the row", bytes: () => oneTree(1_000_000, 1) },
  ];
}
