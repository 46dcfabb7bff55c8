import { size, type Value } from "../../graph/ir.ts";

/** Where the elements of a value are: positions in the memory of another value that is stored. */
export interface View {
  /** The stored value. */
  readonly root: Value;
  /** Of the first element, in elements. */
  readonly offset: number;
  /** Distances between neighbors along each axis of the view's shape, in elements; 0 repeats an element. */
  readonly strides: readonly number[];
}

/** Strides of a shape whose elements follow each other, last axis fastest. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides.unshift(stride);
    stride *= shape[axis] as number;
  }
  return strides;
}

/** Whether strides are those of a contiguous shape; axes of size 1 may have any. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  const wanted = contiguousStrides(shape);
  return size(shape) === 0 || shape.every((dimension, axis) => dimension === 1 || strides[axis] === wanted[axis]);
}

/** Strides of the same elements in the same order under another shape, or undefined where that takes a copy. */
export function reshapedStrides(
  shape: readonly number[],
  strides: readonly number[],
  target: readonly number[],
): number[] | undefined {
  if (isContiguous(shape, strides)) return contiguousStrides(target);
  const from = shape.flatMap((dimension, axis) =>
    dimension === 1 ? [] : [{ dimension, stride: strides[axis] as number }],
  );
  const result = target.map(() => 0);
  let [oldFirst, newFirst] = [0, 0];
  // Both shapes in runs of equal size; within a run of the source the elements must be evenly spaced.
  while (oldFirst < from.length && newFirst < target.length) {
    let [oldEnd, newEnd] = [oldFirst + 1, newFirst + 1];
    let [covered, taken] = [(from[oldFirst] as { dimension: number }).dimension, target[newFirst] as number];
    while (covered !== taken) {
      if (taken < covered) taken *= target[newEnd++] as number;
      else covered *= (from[oldEnd++] as { dimension: number }).dimension;
    }
    for (let axis = oldFirst; axis < oldEnd - 1; axis++) {
      const [outer, inner] = from.slice(axis, axis + 2) as { dimension: number; stride: number }[];
      if (outer?.stride !== (inner?.stride as number) * (inner?.dimension as number)) return undefined;
    }
    let stride = (from[oldEnd - 1] as { stride: number }).stride;
    for (let axis = newEnd - 1; axis >= newFirst; axis--) {
      result[axis] = stride;
      stride *= target[axis] as number;
    }
    [oldFirst, newFirst] = [oldEnd, newEnd];
  }
  return result;
}

/** A shape without its axes of size 1: two values whose canonical shapes are equal have the same elements in the same order. */
export function canonical(shape: readonly number[]): number[] {
  return shape.filter((dimension) => dimension !== 1);
}

/** Strides of a view along the canonical axes of a shape that it broadcasts to. */
export function canonicalStrides(view: View, viewShape: readonly number[], shape: readonly number[]): number[] {
  const lead = shape.length - viewShape.length;
  const strides = shape.map((_, axis) =>
    axis < lead || viewShape[axis - lead] === 1 ? 0 : (view.strides[axis - lead] as number),
  );
  return strides.filter((_, axis) => shape[axis] !== 1);
}
