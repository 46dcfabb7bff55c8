import type { ModelProto, NodeProto, TensorProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { floats, INPUT, ints, LAYER, modelOf, node, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

/** `z = x1 w + reduced`, where nodes make something vast that is then summed up to `reduced`. */
function vast(nodes: readonly NodeProto[], constants: readonly TensorProto[], name = "vast"): ModelProto {
  return modelOf({
    nodes: [
      ...nodes,
      node("ReduceMean", name, "reduced", { keepdims: 0 }),
      node("MatMul", "x1 w", "y"),
      node("Add", "y reduced", "z"),
    ],
    constants: [WEIGHTS, ...constants],
  });
}

const one = floats("one", [1]);
const dims = ints("dims", [2 ** 20, 2 ** 24]);
const chain = (times: number, step: (from: string, to: string) => NodeProto): NodeProto[] =>
  Array.from({ length: times }, (_, index) =>
    step(index === 0 ? "start" : `v${index}`, index === times - 1 ? "vast" : `v${index + 1}`),
  );

/** Models that would take memory or time without end. */
export function bombs(): CorpusCase[] {
  const known: Record<string, ModelProto> = {
    "ConstantOfShape of 64 TiB": vast([node("ConstantOfShape", "dims", "vast")], [dims]),
    "Expand to 64 TiB": vast([node("Expand", "one dims", "vast")], [one, dims]),
    "Tile to 64 TiB": vast([node("Tile", "one times", "vast")], [one, ints("times", [2 ** 44])]),
    "Tile of Tile of Tile": vast(
      chain(5, (from, to) => node("Tile", `${from} times`, to)),
      [floats("start", [1]), ints("times", [1000])],
    ),
    "Tile of every row": vast([node("Tile", "x1 times", "vast")], [ints("times", [1000, 1000])]),
    "Range to 10^15": vast(
      [node("Range", "from to step", "numbers"), node("Cast", "numbers", "vast", { to: 1 })],
      [ints("from", [0], []), ints("to", [10 ** 15], []), ints("step", [1], [])],
    ),
    "OneHot of depth 10^12": vast(
      [node("ArgMax", "x1", "best", { axis: 1 }), node("OneHot", "best depth values", "vast")],
      [ints("depth", [10 ** 12], []), floats("values", [2])],
    ),
    "Pad by 10^12": vast([node("Pad", "x1 pads", "vast")], [ints("pads", [0, 0, 0, 10 ** 12])]),
    "Concat that doubles 40 times": vast(
      chain(40, (from, to) => node("Concat", `${from} ${from}`, to, { axis: 0 })),
      [floats("start", [1])],
    ),
    "sizes that are multiplied": vast(
      [node("Mul", "dims dims", "more"), node("ConstantOfShape", "more", "vast")],
      [ints("dims", [2 ** 16, 2 ** 8])],
    ),
    "sizes from shapes": vast(
      [
        node("Shape", "big", "size"),
        node("Concat", "size size size", "sizes", { axis: 0 }),
        node("Expand", "one sizes", "vast"),
      ],
      [floats("big", [4096]), one],
    ),
    "Reshape and Expand": vast(
      [node("Reshape", "start dims", "flat"), node("Expand", "flat more", "vast")],
      [floats("start", [100]), ints("dims", [10, -1, 1]), ints("more", [10, 10, 10 ** 9])],
    ),
    "Unsqueeze and broadcasting": vast(
      [
        node("Unsqueeze", "a last", "column"),
        node("Add", "column a", "square"),
        node("Unsqueeze", "square last", "higher"),
        node("Add", "higher a", "vast"),
      ],
      [floats("a", [4096]), ints("last", [-1])],
    ),
    "an outer product by Einsum": vast(
      [node("Einsum", "a a a", "vast", { equation: "i,j,k->ijk" })],
      [floats("a", [4096])],
    ),
    "an inner product by Einsum": vast(
      [node("Einsum", "a a a a", "vast", { equation: "i,j,k,l->" })],
      [floats("a", [4096])],
    ),
    "matrices of 1,400 x 1,400 that are multiplied 8 times": vast(
      [node("Expand", "one dims", "start"), ...chain(8, (from, to) => node("MatMul", `${from} ${from}`, to))],
      [one, ints("dims", [1400, 1400])],
    ),
    "matrices that are multiplied for each row": modelOf({
      nodes: [
        node("Expand", "one dims", "big"),
        node("Scan", "x1", "y", {
          num_scan_inputs: 1,
          body: {
            g: {
              name: "body",
              input: [value("row", [INPUT.width])],
              node: [
                ...chain(8, (from, to) => node("MatMul", `${from === "start" ? "big" : from} big`, to)),
                node("Identity", "row", "out"),
              ],
              output: [value("out", [INPUT.width])],
            },
          },
        }),
        node("MatMul", "y w", "z"),
      ],
      constants: [WEIGHTS, one, ints("dims", [800, 800])],
    }),
    "a regression with 2^31 targets": modelOf({
      nodes: [
        node("ai.onnx.ml/LinearRegressor", "x1", "vast", { targets: 2 ** 31 - 1 }),
        node("Slice", "vast from to last", "z"),
      ],
      constants: [ints("from", [0]), ints("to", [3]), ints("last", [1])],
    }),
    "an input with 2^40 columns": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      graph: { input: [value("x1", ["rows", 2 ** 40])] },
    }),
    "an output with 2^62 elements": modelOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      graph: { output: [value("z", [2 ** 31 - 1, 2 ** 31 - 1])] },
    }),
    "a declared shape in between of 2^60 elements": modelOf({
      nodes: [node("Identity", "x1", "y"), node("MatMul", "y w", "z")],
      constants: [WEIGHTS],
      graph: { valueInfo: [value("y", [2 ** 30, 2 ** 30])] },
    }),
    "thirty thousand nodes": modelOf({
      nodes: [
        ...Array.from({ length: 30_000 }, (_, index) =>
          node("Identity", index === 0 ? "x1" : `v${index - 1}`, `v${index}`),
        ),
        node("MatMul", "v29999 w", "z"),
      ],
      constants: [WEIGHTS],
    }),
  };
  /** Sizes that come from the data. */
  const fromData = (): NodeProto[] => [
    node("Abs", "x1", "positive"),
    node("ReduceMax", "positive", "most", { keepdims: 0 }),
    node("Mul", "most factor", "scaled"),
    node("Cast", "scaled", "many", { to: 7 }),
    node("Reshape", "many single", "size"),
    node("Expand", "one size", "vast"),
  ];
  const hosted: Record<string, ModelProto> = {
    "a size that comes from the data": vast(fromData(), [one, ints("single", [1]), floats("factor", [], () => 1e12)]),
    "Range of floating-point numbers to 10^12": vast(
      [node("Range", "from to step", "vast")],
      [floats("from", [], () => 0), floats("to", [], () => 1e12), floats("step", [], () => 1)],
    ),
    "pooling with pads of 2^31": vast(
      [
        node("Unsqueeze", "x1 first", "channel"),
        node("MaxPool", "channel", "vast", { kernel_shape: [2 ** 31 - 1], pads: [2 ** 30, 2 ** 30] }),
      ],
      [ints("first", [0])],
    ),
  };
  /** Runs, but for longer than any deadline. */
  const slow: Record<string, ModelProto> = {
    "products for each row, of sizes that come from the data": modelOf({
      nodes: [
        ...fromData().slice(0, 4),
        node("Reshape", "many single", "size"),
        node("Concat", "size size", "square", { axis: 0 }),
        node("Expand", "one square", "start"),
        ...chain(40, (from, to) => node("MatMul", `${from} start`, to)),
        node("ReduceMean", "vast", "reduced", { keepdims: 0 }),
        node("MatMul", "x1 w", "y"),
        node("Add", "y reduced", "z"),
      ],
      constants: [WEIGHTS, one, ints("single", [1]), floats("factor", [], () => 1000)],
    }),
  };
  return [
    ...cases(known, "inspection", "too-expensive"),
    ...cases(hosted, "host", ["too-expensive", "malformed-model", "not-row-wise"]),
    ...cases(slow, "host", "too-expensive"),
  ];
}

function cases(
  models: Readonly<Record<string, ModelProto>>,
  found: CorpusCase["found"],
  reason: CorpusCase["reason"],
): CorpusCase[] {
  return Object.entries(models).map(([name, model]) => ({ name, reason, found, bytes: () => encodeModel(model) }));
}
