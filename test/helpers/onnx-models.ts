import protobuf from "protobufjs";
import { modelType } from "../../services/engine/compiler/onnx/onnx-proto.ts";

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** The types of all messages that a model can contain, `ModelProto` included. */
export function messageTypes(): protobuf.Type[] {
  const found = new Set<protobuf.Type>([modelType]);
  // A set's iteration visits what is added meanwhile.
  for (const type of found) {
    for (const { resolvedType } of type.fieldsArray) if (resolvedType instanceof protobuf.Type) found.add(resolvedType);
  }
  return [...found];
}

export const messageType = (name: string): protobuf.Type => modelType.root.lookupType(`onnx.${name}`);

/** A field as it is on the wire: its tag, and its bytes with their length (for `WIRE.bytes`) or as they are. */
export function wireField(id: number, wire: number, payload: Uint8Array | readonly number[]): Uint8Array {
  const tag = protobuf.Writer.create()
    .uint32(id * 8 + wire)
    .finish();
  const length = wire === WIRE.bytes ? protobuf.Writer.create().uint32(payload.length).finish() : [];
  return new Uint8Array(Buffer.concat([tag, Buffer.from(length), Buffer.from(payload)]));
}

/** Fields that lead from `ModelProto` to a message inside it, such as `graph`, `node`, `attribute`, `t`. */
export type SchemaPath = readonly protobuf.Field[];

/** The bytes of a model that consists of one message at the end of a path. */
export function modelHolding(path: SchemaPath, message: Uint8Array): Uint8Array {
  return path.reduceRight((inner, { id }) => wireField(id, WIRE.bytes, inner), message);
}

/** All paths from `ModelProto` to messages of a type, in which no field occurs more often than `repeats` times. */
export function pathsTo(wanted: protobuf.Type, repeats: number): SchemaPath[] {
  const found: SchemaPath[] = [];
  const follow = (type: protobuf.Type, path: SchemaPath): void => {
    if (type === wanted) found.push(path);
    for (const field of type.fieldsArray) {
      const inner = field.resolvedType;
      if (!(inner instanceof protobuf.Type) || path.filter((taken) => taken === field).length >= repeats) continue;
      if (leadsTo(inner, wanted)) follow(inner, [...path, field]);
    }
  };
  follow(modelType, []);
  return found;
}

function leadsTo(type: protobuf.Type, wanted: protobuf.Type, seen = new Set<protobuf.Type>()): boolean {
  if (type === wanted) return true;
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fieldsArray.some(
    ({ resolvedType }) => resolvedType instanceof protobuf.Type && leadsTo(resolvedType, wanted, seen),
  );
}
