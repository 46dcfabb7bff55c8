import type { Struct, Struct__Output } from "../gen/google/protobuf/Struct.ts";
import type { Value, Value__Output } from "../gen/google/protobuf/Value.ts";

/** A part of a document, as JSON represents it. */
type JsonObject = Readonly<Record<string, unknown>>;

/** @param document a JSON object: null, booleans, finite numbers, strings, arrays and objects */
export function encodeStruct(document: object): Struct {
  return { fields: Object.fromEntries(Object.entries(document).map(([key, value]) => [key, encodeValue(value)])) };
}

export function decodeStruct(message: Struct__Output): JsonObject {
  return Object.fromEntries(Object.entries(message.fields).map(([key, value]) => [key, decodeValue(value)]));
}

function encodeValue(value: unknown): Value {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "string") return { stringValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(encodeValue) } };
  if (typeof value === "object" && value !== null) return { structValue: encodeStruct(value) };
  return { nullValue: "NULL_VALUE" };
}

function decodeValue(value: Value__Output): unknown {
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.numberValue !== undefined) return value.numberValue;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.listValue) return value.listValue.values.map(decodeValue);
  if (value.structValue) return decodeStruct(value.structValue);
  return null;
}

/**
 * The field `other` of a message that represents an open document: what is in the document and has no field.
 * @param known the keys of the document that have one
 */
export function encodeOther(document: object, known: readonly string[]): { other?: Struct } {
  const rest = Object.entries(document).filter(([key, value]) => !known.includes(key) && value !== undefined);
  return rest.length === 0 ? {} : { other: encodeStruct(Object.fromEntries(rest)) };
}

export function decodeOther(message: { readonly other: Struct__Output | null }): JsonObject {
  return message.other === null ? {} : decodeStruct(message.other);
}
