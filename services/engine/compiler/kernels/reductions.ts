import { type ElementType, type GraphBuilder, int64Vector, type Value } from "../graph/ir.ts";
import { numberLike } from "./elementwise.ts";
import {
  attr,
  axesList,
  binary,
  cast,
  expand,
  input,
  type KernelCall,
  type Lowering,
  normalAxis,
  reshape,
  slice,
  unsupported,
} from "./lowering.ts";

/** Axes as tfjs passes them: one, several, or none for all. */
function axesOf(call: KernelCall, rank: number, name = "axis"): number[] {
  return axesList(attr(call, name), rank).sort((a, b) => a - b);
}

/** ONNX takes an empty list of axes for "all", tfjs for "none". */
function reduce(builder: GraphBuilder, op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length === 0) return x;
  const kept = x.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return builder.add(op, [x, int64Vector(axes)], x.type, shape, { keepdims: keepDims ? 1 : 0 });
}

const reduction =
  (op: string, options: { as?: ElementType; boolAs?: ElementType; axes?: string } = {}): Lowering =>
  (call) => {
    const { builder } = call;
    let x = input(call, "x");
    if (options.as !== undefined) x = cast(builder, x, options.as);
    if (x.type === "bool") x = cast(builder, x, options.boolAs ?? "int32");
    return reduce(builder, op, x, axesOf(call, x.shape.length, options.axes), attr<boolean>(call, "keepDims") === true);
  };

/** All and Any: the minimum or maximum of 0 and 1. */
const logicalReduction =
  (op: string): Lowering =>
  (call) => {
    const { builder } = call;
    const x = cast(builder, cast(builder, input(call, "x"), "bool"), "int32");
    const reduced = reduce(builder, op, x, axesOf(call, x.shape.length), attr<boolean>(call, "keepDims") === true);
    return cast(builder, reduced, "bool");
  };

const argument =
  (op: string): Lowering =>
  (call) => {
    const { builder } = call;
    let x = input(call, "x");
    if (x.type === "bool") x = cast(builder, x, "int32");
    const given = attr<number | number[]>(call, "axis");
    const axis = normalAxis(Array.isArray(given) ? (given[0] as number) : given, x.shape.length);
    const shape = x.shape.filter((_, other) => other !== axis);
    return cast(builder, builder.add(op, [x], "int64", shape, { axis, keepdims: 0 }), "int32");
  };

const cumsum: Lowering = (call) => {
  const x = input(call, "x");
  const axis = reshape(call.builder, int64Vector([normalAxis(attr(call, "axis"), x.shape.length)]), []);
  return call.builder.add("CumSum", [x, axis], x.type, x.shape, {
    exclusive: attr<boolean>(call, "exclusive") ? 1 : 0,
    reverse: attr<boolean>(call, "reverse") ? 1 : 0,
  });
};

/** Longest axis along which products are unrolled: ONNX has no cumulative product. */
const LONGEST_PRODUCT = 256;

const cumprod: Lowering = (call) => {
  const { builder } = call;
  const x = input(call, "x");
  const axis = normalAxis(attr(call, "axis"), x.shape.length);
  const length = x.shape[axis] as number;
  if (length > LONGEST_PRODUCT) throw unsupported(call, `along an axis of ${length}`);
  if (length === 0) return x;
  const part = x.shape.with(axis, 1);
  const pieces = Array.from({ length }, (_, index) =>
    slice(
      builder,
      x,
      x.shape.map((__, other) => (other === axis ? index : 0)),
      part,
    ),
  );
  if (attr<boolean>(call, "reverse")) pieces.reverse();
  const products: Value[] = [];
  let product: Value | undefined;
  for (const piece of pieces) {
    const next: Value = product === undefined ? piece : binary(builder, "Mul", product, piece);
    if (attr<boolean>(call, "exclusive")) products.push(product ?? filledLike(builder, piece));
    else products.push(next);
    product = next;
  }
  if (attr<boolean>(call, "reverse")) products.reverse();
  return length === 1 ? (products[0] as Value) : builder.add("Concat", products, x.type, x.shape, { axis });
};

function filledLike(builder: GraphBuilder, piece: Value): Value {
  return expand(builder, numberLike(piece, 1), piece.shape);
}

export const reductionLowerings: Readonly<Record<string, Lowering>> = {
  Sum: reduction("ReduceSum"),
  Mean: reduction("ReduceMean", { as: "float32" }),
  Max: reduction("ReduceMax", { axes: "reductionIndices" }),
  Min: reduction("ReduceMin"),
  Prod: reduction("ReduceProd"),
  All: logicalReduction("ReduceMin"),
  Any: logicalReduction("ReduceMax"),
  ArgMax: argument("ArgMax"),
  ArgMin: argument("ArgMin"),
  Cumsum: cumsum,
  Cumprod: cumprod,
};
