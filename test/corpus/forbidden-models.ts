import type { ModelProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { bool, floats, INPUT, ints, LAYER, modelOf, node, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

/** `z = x1 w + noise`, with an operator that makes the noise. */
const noisy = (operator: string, attributes: Parameters<typeof node>[3]): ModelProto =>
  modelOf({
    nodes: [node("MatMul", "x1 w", "y"), node(operator, "y", "noise", attributes), node("Add", "y noise", "z")],
    constants: [WEIGHTS],
  });

const scanOver = (outer: string, body: ModelProto["graph"], nodes = [node("Identity", "x1", "unused")]): ModelProto =>
  modelOf({
    nodes: [...nodes, node("Scan", outer, "z", { num_scan_inputs: 1, body: { g: body ?? {} } })],
    constants: [WEIGHTS, ints("ten", [INPUT.width]), ints("zero", [0])],
  });

const rowBody = {
  name: "body",
  input: [value("row", [INPUT.width])],
  node: [node("MatMul", "row w", "out")],
  output: [value("out", [3])],
};

/** Models with operators, attributes, domains or constructs that are not on the lists. */
export function forbiddenModels(): CorpusCase[] {
  const models: Record<string, ModelProto> = {
    "a custom domain": modelOf({
      nodes: [node("com.example/Exploit", "x1", "z")],
      model: { opsetImport: [{ version: 19 }, { domain: "com.example", version: 1 }] },
    }),
    "a custom domain that it does not import": modelOf({ nodes: [node("com.example/Exploit", "x1", "z")] }),
    "ONNX Runtime's own operators": modelOf({
      nodes: [node("com.microsoft/FusedMatMul", "x1 w", "z")],
      constants: [WEIGHTS],
      model: { opsetImport: [{ version: 19 }, { domain: "com.microsoft", version: 1 }] },
    }),
    "training operators": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: { opsetImport: [{ version: 19 }, { domain: "ai.onnx.preview.training", version: 1 }] },
    }),
    RandomNormal: modelOf({
      nodes: [
        node("MatMul", "x1 w", "y"),
        node("RandomNormal", "", "noise", { shape: [3] }),
        node("Add", "y noise", "z"),
      ],
      constants: [WEIGHTS],
    }),
    RandomNormalLike: noisy("RandomNormalLike", {}),
    RandomUniformLike: noisy("RandomUniformLike", { seed: { f: 1 } }),
    Bernoulli: noisy("Bernoulli", {}),
    Multinomial: modelOf({
      nodes: [
        node("MatMul", "x1 w", "y"),
        node("Multinomial", "y", "drawn", { sample_size: 3 }),
        node("Cast", "drawn", "z", { to: 1 }),
      ],
      constants: [WEIGHTS],
    }),
    "Dropout in training mode": modelOf({
      nodes: [node("MatMul", "x1 w", "y"), node("Dropout", "y ratio training", "z")],
      constants: [WEIGHTS, floats("ratio", []), bool("training", true)],
    }),
    "Dropout whose mode depends on the data": modelOf({
      nodes: [
        node("MatMul", "x1 w", "y"),
        node("ReduceMax", "x1", "most", { keepdims: 0 }),
        node("Cast", "most", "training", { to: 9 }),
        node("Dropout", "y ratio training", "z"),
      ],
      constants: [WEIGHTS, floats("ratio", [])],
    }),
    "BatchNormalization in training mode": modelOf({
      nodes: [node("MatMul", "x1 w", "y"), node("BatchNormalization", "y s s s s", "z a b", { training_mode: 1 })],
      constants: [WEIGHTS, floats("s", [3])],
    }),
    Loop: modelOf({
      nodes: [
        node("Loop", "times truth x1", "y", {
          body: {
            g: {
              name: "body",
              input: [value("i", [], "int64"), value("go", [], "bool"), value("a", ["rows", 10])],
              node: [node("Identity", "go", "on"), node("Identity", "a", "b")],
              output: [value("on", [], "bool"), value("b", ["rows", 10])],
            },
          },
        }),
        node("MatMul", "y w", "z"),
      ],
      constants: [WEIGHTS, ints("times", [2 ** 52], []), bool("truth", true)],
    }),
    "a Scan inside a Scan": scanOver("x1", {
      ...rowBody,
      node: [
        node("Scan", "row", "again", {
          num_scan_inputs: 1,
          body: {
            g: {
              name: "inner",
              input: [value("one", [])],
              node: [node("Identity", "one", "o")],
              output: [value("o", [])],
            },
          },
        }),
        node("MatMul", "again w", "out"),
      ],
    }),
    "a Scan whose length depends on the data": scanOver("rows", rowBody, [
      node("ReduceMax", "x1", "most", { keepdims: 0 }),
      node("Cast", "most", "many", { to: 7 }),
      node("Unsqueeze", "many zero", "count"),
      node("Concat", "count ten", "shape", { axis: 0 }),
      node("Expand", "x1 shape", "rows"),
    ]),
    "a local function that redefines an operator": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: {
        functions: [
          { name: "MatMul", domain: "", input: ["a", "b"], output: ["c"], node: [node("RandomNormalLike", "a", "c")] },
        ],
      },
    }),
    "an overloaded operator": modelOf({ nodes: [{ ...LAYER, overload: "other" }], constants: [WEIGHTS] }),
    "a sequence": modelOf({
      nodes: [
        node("SequenceConstruct", "x1 x1", "s"),
        node("ConcatFromSequence", "s", "c", { axis: 0 }),
        node("MatMul", "c w", "z"),
      ],
      constants: [WEIGHTS],
    }),
    "an optional value": modelOf({
      nodes: [node("Optional", "x1", "o"), node("OptionalGetElement", "o", "y"), node("MatMul", "y w", "z")],
      constants: [WEIGHTS],
    }),
    "a decoder of images": modelOf({ nodes: [node("ImageDecoder", "x1", "z", { pixel_format: "RGB" })] }),
    NonZero: modelOf({
      nodes: [node("NonZero", "x1", "n"), node("Cast", "n", "y", { to: 1 }), node("MatMul", "y w", "z")],
      constants: [WEIGHTS],
    }),
    "a sparse constant": modelOf({
      nodes: [
        {
          opType: "Constant",
          output: ["w"],
          attribute: [
            {
              name: "sparse_value",
              type: 11,
              sparseTensor: { values: floats("v", [1]), indices: ints("i", [0]), dims: [10, 3] },
            },
          ],
        },
        LAYER,
      ],
    }),
    "complex numbers": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS, { name: "i", dims: [1], dataType: 14, floatData: [0, 1] }],
    }),
    "an attribute that its operator does not have": modelOf({
      nodes: [node("MatMul", "x1 w", "z", { path: "/etc/passwd" })],
      constants: [WEIGHTS],
    }),
    "an attribute of another opset": modelOf({
      nodes: [node("MatMul", "x1 w", "y"), node("ReduceSum", "y", "z", { axes: [1] })],
      constants: [WEIGHTS],
    }),
    "an opset of the future": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: { opsetImport: [{ version: 9_999 }] },
    }),
    "a training graph": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: { trainingInfo: [{ algorithm: { name: "step", node: [node("RandomNormal", "", "r", { shape: [3] })] } }] },
    }),
    "a placement on devices": modelOf({
      nodes: [{ ...LAYER, deviceConfigurations: [{ configurationId: "gpus" }] }],
      constants: [WEIGHTS],
    }),
    "a name with control characters": modelOf({
      nodes: [node("MatMul", "x1 w", "y"), { ...node("X", "y", "z"), opType: '\u001b[2J\n{"level":"error"}' }],
      constants: [WEIGHTS],
    }),
  };
  return Object.entries(models).map(([name, model]) => ({
    name,
    reason: "forbidden-operator",
    found: "inspection",
    bytes: () => encodeModel(model),
  }));
}
