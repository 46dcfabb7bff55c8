import type * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../../common/errors.ts";
import {
  broadcastShapes,
  type ElementType,
  floatScalar,
  type GraphBuilder,
  int64Vector,
  sameShape,
  type Value,
} from "../graph/ir.ts";

/** One call of a tfjs kernel, to be expressed in ONNX operators. */
export interface KernelCall {
  readonly builder: GraphBuilder;
  /** By tfjs's names; kernels that take a list have "0", "1", ... in order. */
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: tf.NamedAttrMap;
  readonly kernelName: string;
}

/** Expresses one tfjs kernel in ONNX operators. Shapes and types are those that the kernel has on tfjs's cpu backend. */
export type Lowering = (call: KernelCall) => Value | Value[];

/** @throws UncoupleError `internal` if tfjs did not pass the input */
export function input(call: KernelCall, name: string): Value {
  const value = call.inputs[name];
  if (value === undefined) throw new UncoupleError("internal", `the kernel ${call.kernelName} has no input ${name}`);
  return value;
}

/** An attribute as tfjs passes it. tfjs declares them all as one wide union; its own kernels cast too. */
export function attr<T>(call: KernelCall, name: string): T {
  return call.attrs[name] as T;
}

/** Creates an error that names the kernel and what about it cannot be compiled. */
export function unsupported(call: KernelCall, what: string): UncoupleError {
  return new UncoupleError(
    "invalid-argument",
    `the tfjs kernel ${call.kernelName} cannot be compiled ${what}: express it otherwise, or choose the engine 'reference'`,
  );
}

export function binary(builder: GraphBuilder, op: string, a: Value, b: Value, type: ElementType = a.type): Value {
  return builder.add(op, [a, b], type, broadcastShapes(a.shape, b.shape));
}

export function unary(builder: GraphBuilder, op: string, x: Value): Value {
  return builder.add(op, [x], x.type, x.shape);
}

export function cast(builder: GraphBuilder, x: Value, type: ElementType): Value {
  if (x.type === type) return x;
  if (x.type === "string" || type === "string") {
    throw new UncoupleError("invalid-argument", "a compiled program cannot turn strings into numbers");
  }
  const to = { float32: 1, int32: 6, int64: 7, bool: 9 }[type];
  return builder.add("Cast", [x], type, x.shape, { to });
}

export function reshape(builder: GraphBuilder, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return builder.add("Reshape", [x, int64Vector(shape)], x.type, shape);
}

export function transpose(builder: GraphBuilder, x: Value, perm: readonly number[]): Value {
  if (perm.every((from, to) => from === to)) return x;
  const shape = perm.map((axis) => x.shape[axis] as number);
  return builder.add("Transpose", [x], x.type, shape, { perm });
}

/** Repeats a value along its dimensions of size 1 until it has `shape`. */
export function expand(builder: GraphBuilder, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return builder.add("Expand", [x, int64Vector(shape)], x.type, shape);
}

/** `condition ? x : y`, elementwise. */
export function where(builder: GraphBuilder, condition: Value, x: Value, y: Value): Value {
  const shape = broadcastShapes(condition.shape, broadcastShapes(x.shape, y.shape));
  return builder.add("Where", [condition, x, y], x.type, shape);
}

export function slice(
  builder: GraphBuilder,
  x: Value,
  begin: readonly number[],
  shape: readonly number[],
  steps: readonly number[] = begin.map(() => 1),
): Value {
  if (sameShape(x.shape, shape) && steps.every((step) => step === 1)) return x;
  const axes = begin.map((_, axis) => axis);
  const end = begin.map((from, axis) => {
    const step = steps[axis] as number;
    const last = from + step * (shape[axis] as number);
    // Going backwards past the front: any value below -size means "through element 0".
    return last < 0 ? -((x.shape[axis] as number) + 1) : last;
  });
  return builder.add(
    "Slice",
    [x, int64Vector(begin), int64Vector(end), int64Vector(axes), int64Vector(steps)],
    x.type,
    shape,
  );
}

export function normalAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Axes as tfjs passes them: one, several, or none for all. */
export function axesList(given: number | readonly number[] | null | undefined, rank: number): number[] {
  if (given === null || given === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  return (typeof given === "number" ? [given] : given).map((axis) => normalAxis(axis, rank));
}

export const number = floatScalar;
