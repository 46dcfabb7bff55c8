import protobuf from "protobufjs";

/**
 * The part of the ONNX format that Uncouple writes and reads back, as plain objects.
 * Field numbers are those of onnx/onnx.proto3 (IR version 9, ONNX 1.14).
 */

/** `TensorProto.DataType`. */
export const ONNX_TYPE = { float32: 1, int32: 6, int64: 7, string: 8, bool: 9 } as const;

/** `AttributeProto.AttributeType`. */
export const ONNX_ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7 } as const;

export interface TensorProto {
  dims?: number[];
  dataType?: number;
  stringData?: Uint8Array[];
  name?: string;
  rawData?: Uint8Array;
  externalData?: { key?: string; value?: string }[];
  dataLocation?: number;
}

export interface AttributeProto {
  name?: string;
  type?: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats?: number[];
  ints?: number[];
  tensors?: TensorProto[];
  graphs?: GraphProto[];
}

export interface NodeProto {
  input?: string[];
  output?: string[];
  name?: string;
  opType?: string;
  attribute?: AttributeProto[];
  domain?: string;
}

export interface ValueInfoProto {
  name?: string;
  type?: {
    tensorType?: { elemType?: number; shape?: { dim?: { dimValue?: number; dimParam?: string }[] } };
  };
}

export interface GraphProto {
  node?: NodeProto[];
  name?: string;
  initializer?: TensorProto[];
  sparseInitializer?: { values?: TensorProto; indices?: TensorProto }[];
  input?: ValueInfoProto[];
  output?: ValueInfoProto[];
}

export interface ModelProto {
  irVersion?: number;
  producerName?: string;
  producerVersion?: string;
  graph?: GraphProto;
  opsetImport?: { domain?: string; version?: number }[];
  functions?: { node?: NodeProto[] }[];
}

type FieldRow = readonly [name: string, id: number, type: string, rule?: "repeated"];

function message(rows: readonly FieldRow[]): protobuf.IType {
  const fields: Record<string, protobuf.IField> = {};
  for (const [name, id, type, rule] of rows) fields[name] = rule === undefined ? { id, type } : { id, type, rule };
  return { fields };
}

const root = protobuf.Root.fromJSON({
  // protobufjs packs repeated scalars only under proto3 rules; ONNX readers accept both forms.
  options: { syntax: "proto3" },
  nested: {
    onnx: {
      nested: {
        StringStringEntryProto: message([
          ["key", 1, "string"],
          ["value", 2, "string"],
        ]),
        TensorProto: message([
          ["dims", 1, "int64", "repeated"],
          ["dataType", 2, "int32"],
          ["stringData", 6, "bytes", "repeated"],
          ["name", 8, "string"],
          ["rawData", 9, "bytes"],
          ["externalData", 13, "StringStringEntryProto", "repeated"],
          ["dataLocation", 14, "int32"],
        ]),
        SparseTensorProto: message([
          ["values", 1, "TensorProto"],
          ["indices", 2, "TensorProto"],
        ]),
        AttributeProto: message([
          ["name", 1, "string"],
          ["f", 2, "float"],
          ["i", 3, "int64"],
          ["s", 4, "bytes"],
          ["t", 5, "TensorProto"],
          ["g", 6, "GraphProto"],
          ["floats", 7, "float", "repeated"],
          ["ints", 8, "int64", "repeated"],
          ["tensors", 10, "TensorProto", "repeated"],
          ["graphs", 11, "GraphProto", "repeated"],
          ["type", 20, "int32"],
        ]),
        NodeProto: message([
          ["input", 1, "string", "repeated"],
          ["output", 2, "string", "repeated"],
          ["name", 3, "string"],
          ["opType", 4, "string"],
          ["attribute", 5, "AttributeProto", "repeated"],
          ["domain", 7, "string"],
        ]),
        Dimension: message([
          ["dimValue", 1, "int64"],
          ["dimParam", 2, "string"],
        ]),
        TensorShapeProto: message([["dim", 1, "Dimension", "repeated"]]),
        TensorTypeProto: message([
          ["elemType", 1, "int32"],
          ["shape", 2, "TensorShapeProto"],
        ]),
        TypeProto: message([["tensorType", 1, "TensorTypeProto"]]),
        ValueInfoProto: message([
          ["name", 1, "string"],
          ["type", 2, "TypeProto"],
        ]),
        GraphProto: message([
          ["node", 1, "NodeProto", "repeated"],
          ["name", 2, "string"],
          ["initializer", 5, "TensorProto", "repeated"],
          ["sparseInitializer", 15, "SparseTensorProto", "repeated"],
          ["input", 11, "ValueInfoProto", "repeated"],
          ["output", 12, "ValueInfoProto", "repeated"],
        ]),
        FunctionProto: message([["node", 7, "NodeProto", "repeated"]]),
        OperatorSetIdProto: message([
          ["domain", 1, "string"],
          ["version", 2, "int64"],
        ]),
        ModelProto: message([
          ["irVersion", 1, "int64"],
          ["producerName", 2, "string"],
          ["producerVersion", 3, "string"],
          ["graph", 7, "GraphProto"],
          ["opsetImport", 8, "OperatorSetIdProto", "repeated"],
          ["functions", 25, "FunctionProto", "repeated"],
        ]),
      },
    },
  },
});

const modelType = root.lookupType("onnx.ModelProto");

export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}

/** @throws whatever protobufjs throws on bytes that are no protobuf message */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return modelType.toObject(modelType.decode(bytes), { longs: Number }) as ModelProto;
}
