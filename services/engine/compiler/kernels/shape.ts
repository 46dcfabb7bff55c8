import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../tfjs/tf.ts";
import { constantValue, type ElementType, int64Vector, size, type Value } from "../graph/ir.ts";
import { numberLike } from "./elementwise.ts";
import {
  attr,
  axesList,
  expand,
  input,
  type KernelCall,
  type Lowering,
  normalAxis,
  reshape,
  slice,
  transpose,
  unsupported,
} from "./lowering.ts";

const reshapeLowering: Lowering = (call) => {
  const x = input(call, "x");
  const given = attr<number[]>(call, "shape");
  const known = size(given.filter((dimension) => dimension !== -1));
  return reshape(
    call.builder,
    x,
    given.map((dimension) => (dimension === -1 ? size(x.shape) / known : dimension)),
  );
};

const expandDims: Lowering = (call) => {
  const x = input(call, "input");
  const axis = normalAxis(attr(call, "dim"), x.shape.length + 1);
  return reshape(call.builder, x, x.shape.toSpliced(axis, 0, 1));
};

const sliceLowering: Lowering = (call) => {
  const x = input(call, "x");
  const parsed = tf.slice_util.parseSliceParams(
    { shape: [...x.shape], rank: x.shape.length } as unknown as Tf.Tensor,
    attr(call, "begin"),
    attr(call, "size"),
  );
  return slice(call.builder, x, parsed[0] as number[], parsed[1] as number[]);
};

const stridedSlice: Lowering = (call) => {
  const x = input(call, "x");
  const info = tf.slice_util.sliceInfo(
    [...x.shape],
    attr(call, "begin"),
    attr(call, "end"),
    attr(call, "strides"),
    attr(call, "beginMask"),
    attr(call, "endMask"),
    attr(call, "ellipsisMask"),
    attr(call, "newAxisMask"),
    attr(call, "shrinkAxisMask"),
  );
  const picked = slice(call.builder, x, info.begin, info.finalShapeSparse, info.strides);
  return reshape(call.builder, picked, info.finalShape);
};

const reverse: Lowering = (call) => {
  const x = input(call, "x");
  const axes = axesList(attr(call, "dims"), x.shape.length);
  const begin = x.shape.map((dimension, axis) => (axes.includes(axis) ? dimension - 1 : 0));
  const steps = x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1));
  return slice(call.builder, x, begin, x.shape, steps);
};

const concatLowering: Lowering = (call) => {
  const all = Object.values(call.inputs);
  const axis = normalAxis(attr(call, "axis"), (all[0] as Value).shape.length);
  const values = all.filter((value) => size(value.shape) > 0);
  return concat(call, values.length === 0 ? all : values, axis);
};

function concat(call: KernelCall, values: readonly Value[], axis: number): Value {
  const first = values[0] as Value;
  if (values.length === 1) return first;
  const total = values.reduce((sum, value) => sum + (value.shape[axis] as number), 0);
  return call.builder.add("Concat", values, first.type, first.shape.with(axis, total), { axis });
}

const pack: Lowering = (call) => {
  const values = Object.values(call.inputs);
  const axis = normalAxis(attr(call, "axis"), (values[0] as Value).shape.length + 1);
  const raised = values.map((value) => reshape(call.builder, value, value.shape.toSpliced(axis, 0, 1)));
  return concat(call, raised, axis);
};

function split(call: KernelCall, x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [x];
  const shapes = sizes.map((length) => x.shape.with(axis, length));
  return call.builder.addMany("Split", [x, int64Vector(sizes)], x.type, shapes, { axis });
}

const splitLowering: Lowering = (call) => {
  const x = input(call, "x");
  const axis = normalAxis(attr(call, "axis"), x.shape.length);
  const given = attr<number | number[]>(call, "numOrSizeSplits");
  const total = x.shape[axis] as number;
  const sizes = Array.isArray(given) ? [...given] : Array.from({ length: given }, () => total / given);
  const rest = sizes.indexOf(-1);
  if (rest >= 0) sizes[rest] = total - sizes.reduce((sum, length) => sum + Math.max(length, 0), 0);
  return split(call, x, sizes, axis);
};

const unpack: Lowering = (call) => {
  const x = input(call, "value");
  const axis = normalAxis(attr(call, "axis"), x.shape.length);
  const sizes = Array.from({ length: x.shape[axis] as number }, () => 1);
  return split(call, x, sizes, axis).map((part) => reshape(call.builder, part, x.shape.toSpliced(axis, 1)));
};

const tile: Lowering = (call) => {
  const { builder } = call;
  const x = input(call, "x");
  const reps = attr<number[]>(call, "reps");
  const shape = x.shape.map((dimension, axis) => dimension * (reps[axis] as number));
  const onlyOnes = x.shape.every((dimension, axis) => dimension === 1 || reps[axis] === 1);
  if (onlyOnes) return expand(builder, x, shape);
  return builder.add("Tile", [x, int64Vector(reps)], x.type, shape);
};

const pad: Lowering = (call) => {
  const x = input(call, "x");
  const paddings = attr<[number, number][]>(call, "paddings");
  const pads = int64Vector([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  const shape = x.shape.map((dimension, axis) => dimension + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
  if (call.kernelName === "MirrorPad") {
    if (attr<string>(call, "mode") !== "reflect") throw unsupported(call, "in symmetric mode");
    return call.builder.add("Pad", [x, pads], x.type, shape, { mode: "reflect" });
  }
  return call.builder.add("Pad", [x, pads, numberLike(x, attr(call, "constantValue"))], x.type, shape);
};

/** Fills a tensor with one number; stays a scalar wherever its consumer broadcasts. */
function filled(call: KernelCall, type: ElementType, shape: readonly number[], value: number): Value {
  if (type === "string") throw unsupported(call, "with strings");
  const scalar =
    type === "bool"
      ? constantValue("bool", [], Uint8Array.of(value === 0 ? 0 : 1))
      : numberLike({ type, shape: [] }, value);
  return expand(call.builder, scalar, shape);
}

const fill: Lowering = (call) => {
  const value = attr<number | string>(call, "value");
  const dtype = attr<Tf.DataType | undefined>(call, "dtype") ?? "float32";
  if (typeof value === "string" || dtype === "complex64") throw unsupported(call, `with ${dtype}`);
  return filled(call, dtype, attr(call, "shape"), value);
};

const like =
  (value: number): Lowering =>
  (call) => {
    const x = input(call, "x");
    return filled(call, x.type, x.shape, value);
  };

export const shapeLowerings: Readonly<Record<string, Lowering>> = {
  Reshape: reshapeLowering,
  ExpandDims: expandDims,
  Transpose: (call) => transpose(call.builder, input(call, "x"), attr(call, "perm")),
  Slice: sliceLowering,
  StridedSlice: stridedSlice,
  Reverse: reverse,
  Concat: concatLowering,
  Pack: pack,
  SplitV: splitLowering,
  Unpack: unpack,
  Tile: tile,
  PadV2: pad,
  MirrorPad: pad,
  Fill: fill,
  ZerosLike: like(0),
  OnesLike: like(1),
};
