import type { ModelProto, TensorProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { WIRE, wireField } from "../helpers/onnx-models.ts";
import { bool, INPUT, ints, LAYER, modelOf, node, soundModel, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

/**
 * Models that would make ONNX Runtime read a file, wherever a tensor can hide.
 *
 * @param location of the canary file, as the model names it
 */
export function externalData(location: string): CorpusCase[] {
  const entries = [{ key: "location", value: location }];
  const external = (name: string, dims = [INPUT.width, 3]): TensorProto => ({
    name,
    dims,
    dataType: 1,
    dataLocation: 1,
    externalData: entries,
  });
  const inBranch = (tensor: TensorProto) => ({
    name: "branch",
    node: [node("Identity", tensor.name ?? "", "made")],
    initializer: [tensor],
    output: [value("made", [INPUT.width, 3])],
  });
  const withCondition = (tensor: TensorProto) => ({
    nodes: [
      node("If", "truth", "w", { then_branch: { g: inBranch(tensor) }, else_branch: { g: inBranch(tensor) } }),
      LAYER,
    ],
    constants: [bool("truth", true)],
  });
  const sparse = {
    values: external("v", [30]),
    indices: ints(
      "i",
      Array.from({ length: 30 }, (_, i) => i),
    ),
    dims: [10, 3],
  };
  const models: Record<string, ModelProto> = {
    "an initializer": modelOf({ nodes: [LAYER], constants: [external("w")] }),
    "an initializer with a location only": modelOf({
      nodes: [LAYER],
      constants: [{ ...external("w"), dataLocation: 0 }],
    }),
    "an initializer with two locations": modelOf({
      nodes: [LAYER],
      constants: [{ ...external("w"), externalData: [...entries, { key: "location", value: "other.bin" }] }],
    }),
    "an initializer without a location": modelOf({
      nodes: [LAYER],
      constants: [{ ...external("w"), externalData: [] }],
    }),
    "a constant": modelOf({ nodes: [node("Constant", "", "w", { value: { t: external("t") } }), LAYER] }),
    "the values of a sparse constant": modelOf({
      nodes: [
        { opType: "Constant", output: ["w"], attribute: [{ name: "sparse_value", type: 11, sparseTensor: sparse }] },
        LAYER,
      ],
    }),
    "a sparse initializer": modelOf({
      nodes: [LAYER],
      graph: { sparseInitializer: [{ ...sparse, values: external("w", [30]) }] },
    }),
    "an attribute with a list of tensors": modelOf({
      nodes: [{ ...LAYER, attribute: [{ name: "list", type: 9, tensors: [external("t")] }] }],
      constants: [WEIGHTS],
    }),
    "a branch": modelOf(withCondition(external("t"))),
    "a branch of a branch": modelOf({
      nodes: [
        node("If", "truth", "w", {
          then_branch: { g: { ...inBranch(external("t")), ...withConditionInside() } },
          else_branch: { g: inBranch(external("t")) },
        }),
        LAYER,
      ],
      constants: [bool("truth", true)],
    }),
    "the body of a Scan": modelOf({
      nodes: [
        node("Scan", "x1", "z", {
          num_scan_inputs: 1,
          body: {
            g: {
              name: "body",
              input: [value("row", [INPUT.width])],
              node: [node("MatMul", "row t", "out")],
              initializer: [external("t")],
              output: [value("out", [3])],
            },
          },
        }),
      ],
    }),
    "a local function": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: {
        functions: [
          {
            name: "Thief",
            domain: "own",
            output: ["w"],
            node: [node("Constant", "", "w", { value: { t: external("t") } })],
          },
        ],
      },
    }),
    "a training graph": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      model: { trainingInfo: [{ initialization: { name: "start", initializer: [external("t")] } }] },
    }),
    "an ensemble of trees": modelOf({
      nodes: [node("ai.onnx.ml/TreeEnsembleRegressor", "x1", "z", { nodes_values_as_tensor: { t: external("t") } })],
    }),
  };
  function withConditionInside() {
    return { node: withCondition(external("inner")).nodes, initializer: [bool("truth", true), external("t")] };
  }

  const graph = (content: Uint8Array) => wireField(7, WIRE.bytes, content);
  const tensor = wireField(5, WIRE.bytes, [
    ...wireField(8, WIRE.bytes, new TextEncoder().encode("w")),
    ...wireField(14, WIRE.varint, [1]),
  ]);
  const wide = [0x81, 0x80, 0x80, 0x80, 0x10];
  const bytes: Record<string, () => Uint8Array> = {
    "a second graph, which readers in C++ merge with the first": () =>
      Uint8Array.from([...soundModel(), ...graph(tensor)]),
    "a location of 64 bits, of which readers in C++ take 32": () =>
      Uint8Array.from([...soundModel(), ...graph(wireField(5, WIRE.bytes, wireField(14, WIRE.varint, wide)))]),
    "a group, which protobuf has given up": () =>
      Uint8Array.from([
        ...wireField(7, WIRE.startGroup, []),
        ...tensor,
        ...wireField(7, WIRE.endGroup, []),
        ...soundModel(),
      ]),
  };
  const found = { found: "inspection" } as const;
  return [
    ...Object.entries(models).map(([where, model]) => ({
      ...found,
      name: `external data in ${where}`,
      reason: "malformed-model" as const,
      bytes: () => encodeModel(model),
    })),
    ...Object.entries(bytes).map(([where, made]) => ({
      ...found,
      name: `external data in ${where}`,
      reason: "malformed-model" as const,
      bytes: made,
    })),
  ];
}
