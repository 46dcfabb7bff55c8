import type { ModelProto, NodeProto, TensorProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import { floats, INPUT, ints, LAYER, modelOf, node, value, WEIGHTS } from "./build-model.ts";
import type { CorpusCase } from "./corpus-case.ts";

const Y = node("MatMul", "x1 w", "y");
/** `y` plus something that depends on the other rows. */
const added = (nodes: readonly NodeProto[], constants: readonly TensorProto[] = []): ModelProto =>
  modelOf({ nodes: [Y, ...nodes, node("Add", "y more", "z")], constants: [WEIGHTS, ...constants] });

const rows = ints("rows", [0]);

/** Models in which rows leak into each other, or whose predictions are no numbers. */
export function rowLeaks(): CorpusCase[] {
  const leaking: Record<string, ModelProto> = {
    "ReduceMean over the rows": added([node("ReduceMean", "y rows", "more")], [rows]),
    "ReduceMax over everything": added([node("ReduceMax", "y", "more", { keepdims: 0 })]),
    "Softmax over the rows": modelOf({ nodes: [Y, node("Softmax", "y", "z", { axis: 0 })], constants: [WEIGHTS] }),
    "CumSum over the rows": modelOf({
      nodes: [Y, node("CumSum", "y axis", "z")],
      constants: [WEIGHTS, ints("axis", [0], [])],
    }),
    "TopK of the rows": added([node("TopK", "y k", "more where", { axis: 0 })], [ints("k", [1])]),
    "Gather of the first row": added([node("Gather", "y rows", "more")], [rows]),
    "Slice of the last row": added(
      [node("Slice", "y from to axis", "more")],
      [ints("from", [-1]), ints("to", [2 ** 31]), ints("axis", [0])],
    ),
    "the number of rows, by Shape": added([
      node("Shape", "x1", "shape"),
      node("Cast", "shape", "sizes", { to: 1 }),
      node("ReduceMax", "sizes", "more"),
    ]),
    "the number of rows, by ConstantOfShape": added([
      node("Shape", "x1", "shape"),
      node("ConstantOfShape", "shape", "ones", { value: { t: floats("one", [1], () => 1) } }),
      node("ReduceSum", "ones", "more", { keepdims: 0 }),
    ]),
    "the number of a row": added(
      [
        node("Shape", "x1", "shape"),
        node("Gather", "shape first", "count"),
        node("Range", "zero count step", "numbers"),
        node("Cast", "numbers", "values", { to: 1 }),
        node("Unsqueeze", "values last", "more"),
      ],
      [ints("first", [0], []), ints("zero", [0], []), ints("step", [1], []), ints("last", [1])],
    ),
    "products of all rows with each other": modelOf({
      nodes: [
        Y,
        node("Transpose", "y", "turned", { perm: [1, 0] }),
        node("MatMul", "turned y", "all"),
        node("MatMul", "y all", "z"),
      ],
      constants: [WEIGHTS],
    }),
    "Einsum over the rows": modelOf({
      nodes: [Y, node("Einsum", "y y y", "z", { equation: "ij,kj,kl->il" })],
      constants: [WEIGHTS],
    }),
    "Transpose and Reshape, which mix them": modelOf({
      nodes: [Y, node("Transpose", "y", "turned", { perm: [1, 0] }), node("Reshape", "turned shape", "z")],
      constants: [WEIGHTS, ints("shape", [-1, 3])],
    }),
    "ArgMax over the rows": added([node("ArgMax", "y", "best", { axis: 0 }), node("Cast", "best", "more", { to: 1 })]),
    "LayerNormalization over the rows": modelOf({
      nodes: [Y, node("LayerNormalization", "y scale", "z", { axis: 0 })],
      constants: [WEIGHTS, floats("scale", [1, 1])],
    }),
    "a Scan that carries a state from row to row": modelOf({
      nodes: [
        Y,
        node("Scan", "start y", "end z", {
          num_scan_inputs: 1,
          body: {
            g: {
              name: "body",
              input: [value("state", [3]), value("row", [3])],
              node: [node("Add", "state row", "next"), node("Identity", "next", "out")],
              output: [value("next", [3]), value("out", [3])],
            },
          },
        }),
      ],
      constants: [WEIGHTS, floats("start", [3])],
    }),
    "GRU with the rows as its sequence": modelOf({
      nodes: [
        node("Unsqueeze", "x1 one", "sequence"),
        node("GRU", "sequence gates recurrent", "states", { hidden_size: 3 }),
        node("Squeeze", "states axes", "z"),
      ],
      constants: [
        ints("one", [1]),
        ints("axes", [1, 2]),
        floats("gates", [1, 9, INPUT.width]),
        floats("recurrent", [1, 9, 3]),
      ],
    }),
    "a branch that depends on all rows": modelOf({
      nodes: [
        Y,
        node("ReduceMax", "x1", "most", { keepdims: 0 }),
        node("Greater", "most limit", "high"),
        node("If", "high", "z", { then_branch: { g: branch("Identity") }, else_branch: { g: branch("Neg") } }),
      ],
      constants: [WEIGHTS, floats("limit", [], () => 2.5)],
    }),
  };
  const infinite: Record<string, ModelProto> = {
    "NaN in every row": added([node("Constant", "", "more", { value: { t: floats("t", [1], () => Number.NaN) } })]),
    "infinity in every row": added([
      node("Constant", "", "more", { value: { t: floats("t", [1], () => Number.POSITIVE_INFINITY) } }),
    ]),
    "division by zero": modelOf({
      nodes: [Y, node("Sub", "y y", "zero"), node("Div", "y zero", "z")],
      constants: [WEIGHTS],
    }),
    "the logarithm of negative numbers": modelOf({ nodes: [Y, node("Log", "y", "z")], constants: [WEIGHTS] }),
    "overflow in rare rows": modelOf({
      nodes: [Y, node("Mul", "y large", "more"), node("Exp", "more", "z")],
      constants: [WEIGHTS, floats("large", [], () => 80)],
    }),
    "weights that are NaN": modelOf({ nodes: [LAYER], constants: [floats("w", [10, 3], () => Number.NaN)] }),
  };
  const cases = (models: Readonly<Record<string, ModelProto>>, reason: CorpusCase["reason"]): CorpusCase[] =>
    Object.entries(models).map(([name, model]) => ({ name, reason, found: "host", bytes: () => encodeModel(model) }));
  return [...cases(leaking, "not-row-wise"), ...cases(infinite, "not-finite")];
}

function branch(operator: string) {
  return { name: "branch", node: [node(operator, "y", "made")], output: [value("made", ["rows", 3])] };
}
