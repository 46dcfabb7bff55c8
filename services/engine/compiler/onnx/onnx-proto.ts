import protobuf from "protobufjs";
import { type ModelProto, onnxSchema } from "./gen/onnx-schema.ts";

/** `TensorProto.DataType`. */
export const ONNX_TYPE = { float32: 1, int32: 6, int64: 7, string: 8, bool: 9 } as const;

/** `AttributeProto.AttributeType`. */
export const ONNX_ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7 } as const;

/** `ModelProto` in the complete official schema. */
export const modelType = protobuf.Root.fromJSON(onnxSchema).lookupType("onnx.ModelProto");

/** Encodes a model. Equal models give equal bytes. */
export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}
