import { constantValue, type GraphBuilder, sameShape, type Value } from "../graph/ir.ts";
import {
  attr,
  binary,
  cast,
  input,
  type KernelCall,
  type Lowering,
  number,
  reshape,
  unary,
  unsupported,
  where,
} from "./lowering.ts";

/** A kernel of one input that maps to a single ONNX operator. */
const same =
  (op: string): Lowering =>
  (call) =>
    unary(call.builder, op, input(call, "x"));

/** A kernel of two broadcast inputs that maps to a single ONNX operator. */
const sameBinary =
  (op: string): Lowering =>
  (call) =>
    binary(call.builder, op, input(call, "a"), input(call, "b"));

const comparison =
  (op: string): Lowering =>
  (call) => {
    const [a, b] = [comparable(call, "a"), comparable(call, "b")];
    return binary(call.builder, op, a, b, "bool");
  };

/** ONNX orders and compares numbers only; tfjs compares bools as 0 and 1. */
function comparable(call: KernelCall, name: string): Value {
  const value = input(call, name);
  return value.type === "bool" ? cast(call.builder, value, "int32") : value;
}

const logical =
  (op: string): Lowering =>
  (call) => {
    const { builder } = call;
    return binary(builder, op, cast(builder, input(call, "a"), "bool"), cast(builder, input(call, "b"), "bool"));
  };

/** A constant of `x`'s type with one number, to be broadcast against it. */
export function numberLike(x: Value, value: number): Value {
  return x.type === "int32" ? constantValue("int32", [], Int32Array.of(value)) : number(value);
}

const square = (builder: GraphBuilder, x: Value): Value => binary(builder, "Mul", x, x);

const squaredDifference: Lowering = (call) =>
  square(call.builder, binary(call.builder, "Sub", input(call, "a"), input(call, "b")));

/** exp(x) - 1 without cancellation near 0: there 2t / (1 - t) with t = tanh(x / 2). */
export function expm1(builder: GraphBuilder, x: Value): Value {
  const half = unary(builder, "Tanh", binary(builder, "Mul", x, number(0.5)));
  const near = binary(builder, "Div", binary(builder, "Mul", half, number(2)), binary(builder, "Sub", number(1), half));
  const far = binary(builder, "Sub", unary(builder, "Exp", x), number(1));
  const small = binary(builder, "Less", unary(builder, "Abs", x), number(1), "bool");
  return where(builder, small, near, far);
}

/** log(1 + x) without cancellation near 0: with u = 1 + x rounded, log(u) * x / (u - 1) (Kahan). */
function log1p(builder: GraphBuilder, x: Value): Value {
  const u = binary(builder, "Add", x, number(1));
  const rounded = binary(builder, "Sub", u, number(1));
  const isZero = binary(builder, "Equal", rounded, number(0), "bool");
  const safe = where(builder, isZero, number(1), rounded);
  const corrected = binary(builder, "Mul", unary(builder, "Log", u), binary(builder, "Div", x, safe));
  const isInfinite = binary(builder, "Equal", x, number(Number.POSITIVE_INFINITY), "bool");
  return where(builder, isZero, x, where(builder, isInfinite, x, corrected));
}

function unaryBool(builder: GraphBuilder, op: string, x: Value): Value {
  return builder.add(op, [x], "bool", x.shape);
}

const floorDiv: Lowering = (call) => {
  const { builder } = call;
  const [a, b] = [input(call, "a"), input(call, "b")];
  const quotient = binary(builder, "Div", cast(builder, a, "float32"), cast(builder, b, "float32"));
  return cast(builder, unary(builder, "Floor", quotient), a.type);
};

/** The remainder with the sign of the divisor. */
const mod: Lowering = (call) => {
  const { builder } = call;
  const [a, b] = [input(call, "a"), input(call, "b")];
  if (a.type === "int32") return binary(builder, "Mod", a, b);
  const remainder = (x: Value): Value => {
    const plain = binary(builder, "Div", x, b);
    return binary(builder, "Sub", x, binary(builder, "Mul", unary(builder, "Floor", plain), b));
  };
  return remainder(a);
};

/** Angle of the point (b, a), in (-pi, pi]. */
const atan2: Lowering = (call) => {
  const { builder } = call;
  const [y, x] = [input(call, "a"), input(call, "b")];
  const zero = number(0);
  const base = unary(builder, "Atan", binary(builder, "Div", y, x));
  const yNegative = binary(builder, "Less", y, zero, "bool");
  const turn = where(builder, yNegative, number(-Math.PI), number(Math.PI));
  const xNegative = binary(builder, "Less", x, zero, "bool");
  const left = binary(builder, "Add", base, turn);
  const atOrigin = binary(
    builder,
    "And",
    binary(builder, "Equal", x, zero, "bool"),
    binary(builder, "Equal", y, zero, "bool"),
  );
  return where(builder, atOrigin, zero, where(builder, xNegative, left, base));
};

const castLowering: Lowering = (call) => {
  const dtype = attr<string>(call, "dtype");
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") throw unsupported(call, `to ${dtype}`);
  return cast(call.builder, input(call, "x"), dtype);
};

const select: Lowering = (call) => {
  const { builder } = call;
  const [t, e] = [input(call, "t"), input(call, "e")];
  let condition = cast(builder, input(call, "condition"), "bool");
  // A vector condition chooses whole rows.
  if (!sameShape(condition.shape, t.shape) && condition.shape.length === 1) {
    condition = reshape(builder, condition, [...condition.shape, ...t.shape.slice(1).map(() => 1)]);
  }
  return where(builder, condition, t, e);
};

const clip: Lowering = (call) => {
  const x = input(call, "x");
  const bounds = [numberLike(x, attr(call, "clipValueMin")), numberLike(x, attr(call, "clipValueMax"))];
  return call.builder.add("Clip", [x, ...bounds], x.type, x.shape);
};

const addN: Lowering = (call) => {
  const values = Object.values(call.inputs);
  return values.slice(1).reduce((sum, value) => binary(call.builder, "Add", sum, value), values[0] as Value);
};

export const elementwiseLowerings: Readonly<Record<string, Lowering>> = {
  Add: sameBinary("Add"),
  AddN: addN,
  Sub: sameBinary("Sub"),
  Multiply: sameBinary("Mul"),
  RealDiv: sameBinary("Div"),
  FloorDiv: floorDiv,
  Mod: mod,
  Pow: sameBinary("Pow"),
  Maximum: sameBinary("Max"),
  Minimum: sameBinary("Min"),
  SquaredDifference: squaredDifference,
  Square: (call) => square(call.builder, input(call, "x")),
  Sqrt: same("Sqrt"),
  Rsqrt: (call) => unary(call.builder, "Reciprocal", unary(call.builder, "Sqrt", input(call, "x"))),
  Reciprocal: same("Reciprocal"),
  Exp: same("Exp"),
  Expm1: (call) => expm1(call.builder, input(call, "x")),
  Log: same("Log"),
  Log1p: (call) => log1p(call.builder, input(call, "x")),
  Abs: same("Abs"),
  Neg: same("Neg"),
  Sign: same("Sign"),
  Floor: same("Floor"),
  Ceil: same("Ceil"),
  Round: same("Round"),
  Erf: same("Erf"),
  Sin: same("Sin"),
  Cos: same("Cos"),
  Tan: same("Tan"),
  Asin: same("Asin"),
  Acos: same("Acos"),
  Atan: same("Atan"),
  Atan2: atan2,
  Sinh: same("Sinh"),
  Cosh: same("Cosh"),
  Tanh: same("Tanh"),
  Asinh: same("Asinh"),
  Acosh: same("Acosh"),
  Atanh: same("Atanh"),
  Identity: (call) => input(call, "x"),
  Cast: castLowering,
  ClipByValue: clip,
  Select: select,
  Equal: comparison("Equal"),
  NotEqual: (call) => unaryBool(call.builder, "Not", comparison("Equal")(call) as Value),
  Greater: comparison("Greater"),
  GreaterEqual: comparison("GreaterOrEqual"),
  Less: comparison("Less"),
  LessEqual: comparison("LessOrEqual"),
  LogicalAnd: logical("And"),
  LogicalOr: logical("Or"),
  LogicalXor: logical("Xor"),
  LogicalNot: (call) => unaryBool(call.builder, "Not", cast(call.builder, input(call, "x"), "bool")),
  IsNan: (call) => unaryBool(call.builder, "IsNaN", input(call, "x")),
  IsInf: (call) => unaryBool(call.builder, "IsInf", input(call, "x")),
  IsFinite: (call) => {
    const { builder } = call;
    const x = input(call, "x");
    const odd = binary(builder, "Or", unaryBool(builder, "IsNaN", x), unaryBool(builder, "IsInf", x));
    return unaryBool(builder, "Not", odd);
  },
};
