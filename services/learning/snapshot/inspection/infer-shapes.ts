import type { NodeProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { broadcast, type Dimension, fixed, isFixed, product, quotient, ROWS, type Shape, sum } from "./dimensions.ts";
import { parseEquation } from "./einsum.ts";
import { exactSizes, type Facts, factsOf, intOf, intsOf, UNKNOWN } from "./facts.ts";

type Inputs = readonly Facts[];
type Rule = (node: NodeProto, inputs: Inputs) => Facts;

/**
 * Bounds the shape of a node's outputs from what is known about its inputs. It knows the operators that make large tensors from
 * small ones, and those that usually stand around them; for all others, nothing is known about the outputs.
 *
 * @returns one bound for all outputs of the node
 */
export function inferShape(node: NodeProto, inputs: Inputs): Facts {
  return RULES.get(node.opType ?? "")?.(node, inputs) ?? UNKNOWN;
}

const RULES = new Map<string, Rule>();

function rule(operators: string, infer: Rule): void {
  for (const operator of operators.split(" ")) RULES.set(operator, infer);
}

const first: Rule = (_, [input]) => ({ shape: input?.shape });

rule(
  "Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Binarizer Ceil Celu Clip Cos Cosh CumSum Dropout Elu Erf Exp " +
    "Floor Gelu HardSigmoid HardSwish Imputer IsInf IsNaN LabelEncoder LayerNormalization LeakyRelu Log LogSoftmax " +
    "LpNormalization Mish Neg Normalizer Not PRelu Reciprocal Relu Round Scaler Selu Sigmoid Sign Sin Sinh Softmax " +
    // Slices are at most as large as what they are cut from.
    "Softplus Softsign Slice Split Sqrt Tan Tanh ThresholdedRelu Trilu",
  first,
);
rule("Cast Identity", (_, [input]) => input ?? UNKNOWN);
rule("And Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Or Pow Sum Where Xor", (_, inputs) => ({
  shape: broadcast(inputs.map(({ shape }) => shape)),
}));

/** Arithmetic, which models also do with sizes. */
const arithmetic =
  (combine: (a: Dimension, b: Dimension) => Dimension): Rule =>
  (_, inputs) => {
    const shape = broadcast(inputs.map(({ shape }) => shape));
    const [a, b] = inputs.map(({ sizes }) => sizes);
    if (a === undefined || b === undefined) return { shape };
    const at = (sizes: readonly Dimension[], index: number) => sizes[sizes.length === 1 ? 0 : index];
    const sizes = Array.from({ length: Math.max(a.length, b.length) }, (_each, index) =>
      combine(at(a, index), at(b, index)),
    );
    return { shape, sizes };
  };
const exact =
  (combine: (a: number, b: number) => number) =>
  (a: Dimension, b: Dimension): Dimension =>
    a?.power === 0 && b?.power === 0 ? fixed(combine(a.factor, b.factor)) : undefined;

rule("Add", arithmetic(sum));
rule(
  "Mul",
  arithmetic((a, b) => product([a, b])),
);
rule("Sub", arithmetic(exact((a, b) => a - b)));
rule("Div", arithmetic(exact((a, b) => Math.trunc(a / b))));

rule("Constant", ({ attribute = [] }) => {
  const [value] = attribute;
  if (value?.t !== undefined) return factsOf(value.t);
  if (value?.name === "value_int") return { shape: [], sizes: [fixed(value.i ?? 0)] };
  if (value?.name === "value_ints") return { shape: [fixed(value.ints?.length ?? 0)], sizes: value.ints?.map(fixed) };
  return { shape: [] };
});
rule("Shape", (node, [input]) => {
  if (input?.shape === undefined) return UNKNOWN;
  const sizes = input.shape.slice(intOf(node, "start", 0), intOf(node, "end"));
  return { shape: [fixed(sizes.length)], sizes };
});
rule("ConstantOfShape", (_, [sizes]) => ({ shape: sizes?.sizes }));
rule("Expand", (_, [input, sizes]) => ({ shape: broadcast([input?.shape, sizes?.sizes]) }));
rule("Tile", (_, [input, repeats]) => {
  const times = repeats?.sizes;
  return { shape: input?.shape?.map((size, axis) => product([size, times?.[axis]])) };
});
rule("Range", (_, inputs) => {
  const [start, limit, delta] = inputs.map((input) => exactSizes(input)?.[0]);
  if (start !== undefined && limit !== undefined && delta !== undefined && delta !== 0) {
    return { shape: [fixed(Math.max(0, Math.ceil((limit - start) / delta)))] };
  }
  const ascending = start !== undefined && start >= 0 && delta !== undefined && delta >= 1;
  return { shape: [ascending ? inputs[1]?.sizes?.[0] : undefined] };
});
rule("Pad", (node, [input, pads]) => {
  const sizes = intsOf(node, "pads") ?? exactSizes(pads);
  const rank = input?.shape?.length ?? 0;
  if (sizes === undefined || sizes.length !== 2 * rank) return UNKNOWN;
  return {
    shape: input?.shape?.map((size, axis) => {
      const more = Math.max(0, sizes[axis] as number) + Math.max(0, sizes[axis + rank] as number);
      return sum(size, fixed(more));
    }),
  };
});
rule("OneHot", (_, [indices, depth]) => {
  // The new axis can be anywhere; for a bound on the number of elements, its place does not matter.
  return { shape: indices?.shape === undefined ? undefined : [...indices.shape, depth?.sizes?.[0]] };
});
rule("TopK", (node, [input, count]) => {
  const k = count?.sizes?.[0] ?? (intOf(node, "k") === undefined ? undefined : fixed(intOf(node, "k", 0)));
  return { shape: withAxis(input?.shape, intOf(node, "axis", -1), k) };
});
rule("Concat", (node, inputs) => {
  const axis = intOf(node, "axis", 0);
  const shapes = inputs.map(({ shape }) => shape);
  const total = shapes.map((shape) => shape?.at(axis)).reduce(sum, fixed(0));
  const sizes = inputs.some((input) => input.sizes === undefined) ? undefined : inputs.flatMap((input) => input.sizes);
  return { shape: withAxis(shapes[0], axis, total), sizes: sizes as Dimension[] | undefined };
});
rule("Reshape", (node, [input, wanted]) => {
  const sizes = wanted?.sizes;
  if (sizes === undefined) return UNKNOWN;
  const copies = intOf(node, "allowzero", 0) === 0;
  const shape = sizes.map((size, axis) => (copies && isFixed(size, 0) ? input?.shape?.[axis] : size));
  const known = shape.filter((size) => !isFixed(size, -1));
  const result = shape.map((size) => (isFixed(size, -1) ? quotient(input?.shape, known) : size));
  return { shape: result, sizes: input?.sizes };
});
rule("Flatten", (node, [input]) => {
  if (input?.shape === undefined) return UNKNOWN;
  const axis = intOf(node, "axis", 1);
  return { shape: [product(input.shape.slice(0, axis)), product(input.shape.slice(axis))] };
});
rule("Transpose", (node, [input]) => {
  const { shape } = input ?? UNKNOWN;
  const order = intsOf(node, "perm") ?? shape?.map((_, axis) => shape.length - 1 - axis);
  return { shape: shape === undefined ? undefined : order?.map((axis) => shape[axis]) };
});
rule("Unsqueeze", (node, [input, axes]) => {
  const where = intsOf(node, "axes") ?? exactSizes(axes);
  if (input?.shape === undefined || where === undefined) return { sizes: input?.sizes };
  const rank = input.shape.length + where.length;
  const added = new Set(where.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...input.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? fixed(1) : rest.shift()));
  return { shape, sizes: input.sizes };
});
rule("Squeeze", (node, [input, axes]) => {
  const where = intsOf(node, "axes") ?? exactSizes(axes);
  if (input?.shape === undefined) return { sizes: input?.sizes };
  const { shape } = input;
  const gone = new Set(where?.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  return {
    shape: shape.filter((size, axis) => (where === undefined ? !isFixed(size, 1) : !gone.has(axis))),
    sizes: input.sizes,
  };
});
rule("Gather", (node, [data, indices]) => {
  const axis = intOf(node, "axis", 0);
  const chosen = exactSizes(indices);
  const sizes = axis === 0 && data?.sizes !== undefined ? chosen?.map((index) => data.sizes?.at(index)) : undefined;
  if (data?.shape === undefined || indices?.shape === undefined) return { sizes };
  const at = axis < 0 ? axis + data.shape.length : axis;
  return { shape: [...data.shape.slice(0, at), ...indices.shape, ...data.shape.slice(at + 1)], sizes };
});
rule("GatherElements", (_, [, indices]) => ({ shape: indices?.shape }));
rule("ArrayFeatureExtractor", (_, [data, indices]) => ({
  shape: withAxis(data?.shape, -1, product(indices?.shape ?? [undefined])),
}));
rule(
  "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare",
  (node, [input, axes]) => reduced(node, input?.shape, intsOf(node, "axes") ?? exactSizes(axes)),
);
rule("ArgMax ArgMin", (node, [input]) => reduced(node, input?.shape, [intOf(node, "axis", 0)]));
rule("MatMul", (_, [a, b]) => ({ shape: matrixProduct(a?.shape, b?.shape) }));
rule("Gemm", (node, [a, b]) => ({
  shape: [a?.shape?.[intOf(node, "transA", 0)], b?.shape?.[1 - intOf(node, "transB", 0)]],
}));
rule("Einsum", (node, inputs) => {
  const equation = parseEquation(node, inputs);
  return { shape: equation?.output.map((letter) => equation.sizes.get(letter)) };
});
rule("LinearRegressor", (node) => ({ shape: [ROWS, fixed(intOf(node, "targets", 1))] }));
rule("TreeEnsembleRegressor TreeEnsemble", (node) => ({ shape: [ROWS, fixed(intOf(node, "n_targets", 1))] }));

function withAxis(shape: Shape, axis: number, size: Dimension): Shape {
  const at = axis < 0 ? axis + (shape?.length ?? 0) : axis;
  return shape?.map((other, index) => (index === at ? size : other));
}

function reduced(node: NodeProto, shape: Shape, axes: readonly number[] | undefined): Facts {
  const gone = axes?.map((axis) => (axis < 0 ? axis + (shape?.length ?? 0) : axis));
  const keeps = intOf(node, "keepdims", 1) === 1;
  if (gone === undefined && !keeps) return { shape: shape === undefined ? undefined : [] };
  const left = shape?.map((size, axis) => (gone === undefined || gone.includes(axis) ? fixed(1) : size));
  return { shape: keeps ? left : left?.filter((_, axis) => !gone?.includes(axis)) };
}

function matrixProduct(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2) return undefined;
  return [...(broadcast([a.slice(0, -2), b.slice(0, -2)]) ?? []), a.at(-2), b.at(-1)];
}

/** The multiplications of a node, or undefined if it has no number that grows faster than its inputs and outputs. */
export function multiplications(node: NodeProto, inputs: Inputs, output: Shape): Dimension[] | undefined {
  if (node.opType === "MatMul") return [...(output ?? [undefined]), inputs[0]?.shape?.at(-1)];
  if (node.opType === "Gemm") return [...(output ?? [undefined]), inputs[0]?.shape?.[1 - intOf(node, "transA", 0)]];
  if (node.opType === "Einsum") {
    const equation = parseEquation(node, inputs);
    return equation === undefined ? undefined : [...equation.sizes.values()];
  }
  return undefined;
}
