import type { NodeProto, TensorProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { ONNX_TYPE } from "../../../engine/compiler/onnx/onnx-proto.ts";
import { type Dimension, fixed, type Shape } from "./dimensions.ts";

/** What is known about a value without running the model. */
export interface Facts {
  readonly shape?: Shape;
  /** Upper bounds of the numbers in a short vector of sizes, such as the second input of Reshape. */
  readonly sizes?: readonly Dimension[] | undefined;
}

export const UNKNOWN: Facts = {};

/** Vectors of sizes are as long as the rank of a tensor; longer ones are data. */
const LONGEST_SIZES = 32;

/** The facts of a constant. */
export function factsOf(tensor: TensorProto): Facts {
  const dims = tensor.dims ?? [];
  const shape = dims.map(fixed);
  const count = dims.reduce((total, size) => total * size, 1);
  const numbers = count <= LONGEST_SIZES ? integersOf(tensor) : undefined;
  return numbers === undefined ? { shape } : { shape, sizes: numbers.map(fixed) };
}

/** The content of a short tensor of integers. */
export function integersOf({ dataType, int32Data, int64Data, rawData }: TensorProto): number[] | undefined {
  if (dataType !== ONNX_TYPE.int32 && dataType !== ONNX_TYPE.int64 && dataType !== ONNX_TYPE.bool) return undefined;
  if (rawData === undefined) return dataType === ONNX_TYPE.int64 ? (int64Data ?? []) : (int32Data ?? []);
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const numbers: number[] = [];
  const bytes = dataType === ONNX_TYPE.int64 ? 8 : dataType === ONNX_TYPE.int32 ? 4 : 1;
  for (let at = 0; at < rawData.length; at += bytes) {
    if (bytes === 8) numbers.push(Number(view.getBigInt64(at, true)));
    else numbers.push(bytes === 4 ? view.getInt32(at, true) : view.getUint8(at));
  }
  return numbers;
}

/** The numbers of a vector of sizes, if all are known and the same for every number of rows. */
export function exactSizes(facts: Facts | undefined): number[] | undefined {
  const numbers = facts?.sizes?.map((size) => (size?.power === 0 ? size.factor : undefined));
  return numbers?.some((size) => size === undefined) ? undefined : (numbers as number[] | undefined);
}

export function intOf(node: NodeProto, name: string, otherwise: number): number;
export function intOf(node: NodeProto, name: string, otherwise?: undefined): number | undefined;
export function intOf(node: NodeProto, name: string, otherwise?: number): number | undefined {
  const found = node.attribute?.find((attribute) => attribute.name === name);
  return found === undefined ? otherwise : (found.i ?? 0);
}

export function intsOf(node: NodeProto, name: string): number[] | undefined {
  const found = node.attribute?.find((attribute) => attribute.name === name);
  return found === undefined ? undefined : (found.ints ?? []);
}
