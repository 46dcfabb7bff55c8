import type { TensorProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { plainName } from "../faults/plain-name.ts";
import { forbidden, malformed } from "./refusals.ts";

/** A type of elements: its size in raw data, and the field that holds its elements otherwise. */
interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly field: "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data" | "stringData";
}

/** The element types that snapshots may use, by `TensorProto.DataType`. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, { name: "float32", bytes: 4, field: "floatData" }],
  [2, { name: "uint8", bytes: 1, field: "int32Data" }],
  [3, { name: "int8", bytes: 1, field: "int32Data" }],
  [4, { name: "uint16", bytes: 2, field: "int32Data" }],
  [5, { name: "int16", bytes: 2, field: "int32Data" }],
  [6, { name: "int32", bytes: 4, field: "int32Data" }],
  [7, { name: "int64", bytes: 8, field: "int64Data" }],
  [8, { name: "string", bytes: 0, field: "stringData" }],
  [9, { name: "bool", bytes: 1, field: "int32Data" }],
  [10, { name: "float16", bytes: 2, field: "int32Data" }],
  [11, { name: "float64", bytes: 8, field: "doubleData" }],
  [12, { name: "uint32", bytes: 4, field: "uint64Data" }],
  [13, { name: "uint64", bytes: 8, field: "uint64Data" }],
]);

const DATA_FIELDS = ["floatData", "doubleData", "int32Data", "int64Data", "uint64Data", "stringData"] as const;

/** The name of an element type. @throws ModelFault if snapshots may not use it */
export function elementTypeName(dataType: number | undefined): string {
  return elementType(dataType).name;
}

/**
 * Checks that a tensor holds exactly the elements that its shape declares, so that its size in memory is bounded by its size
 * in the file.
 *
 * @throws ModelFault
 */
export function checkTensor(tensor: TensorProto): void {
  const { name, bytes, field } = elementType(tensor.dataType);
  const what = `the tensor ${plainName(tensor.name ?? "")}`;
  const dims = tensor.dims ?? [];
  if (dims.some((size) => size < 0)) throw malformed(`${what} has a negative dimension`);
  const declared = dims.reduce((count, size) => count * size, 1);
  const given = DATA_FIELDS.filter((data) => (tensor[data]?.length ?? 0) > 0);
  const raw = tensor.rawData;
  if (given.length + (raw === undefined ? 0 : 1) > 1) throw malformed(`${what} has its data twice`);
  if (raw !== undefined && bytes === 0) throw malformed(`${what} has strings as raw data`);
  if (raw === undefined && given.some((data) => data !== field)) {
    throw malformed(`${what} has its data in a field that does not fit its type ${name}`);
  }
  const found = raw === undefined ? (tensor[field]?.length ?? 0) : raw.length / bytes;
  if (found !== declared) throw malformed(`${what} does not have as many elements as its shape declares`);
}

function elementType(dataType: number | undefined): ElementType {
  const found = ELEMENT_TYPES.get(dataType ?? 0);
  if (found === undefined) throw forbidden("the model uses an element type that snapshots must not contain");
  return found;
}
