import protobuf from "protobufjs";
import type { ModelProto } from "./gen/onnx-schema.ts";
import { modelType } from "./onnx-proto.ts";

const BYTES = 2;

/** Varints of up to this many bytes are exact as a sum of doubles. */
const EXACT_BYTES = 7;

/** Keeps a byte order mark: names that differ by one are different names. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes a model that `walkModel` accepted, or that `encodeModel` made. Absent fields are undefined; byte strings share
 * the memory of `bytes`.
 *
 * The decoder of protobufjs makes an object of every 64-bit integer, which takes up to 40 times the memory of the
 * encoded model; this one takes eight bytes.
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return new Decoder(bytes).message(modelType, bytes.length) as ModelProto;
}

type Scalar = number | string | Uint8Array | object;

class Decoder {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  message(type: protobuf.Type, end: number): object {
    const message: Record<string, unknown> = {};
    while (this.at < end) {
      const tag = this.varint();
      const field = type.fieldsById[tag >>> 3] as protobuf.Field;
      if (!field.repeated) {
        message[field.name] = this.value(field);
        continue;
      }
      message[field.name] ??= [];
      const values = message[field.name] as Scalar[];
      if ((tag & 7) !== BYTES || isBytes(field)) values.push(this.value(field));
      else this.packed(field, values);
    }
    return message;
  }

  /** Packed numbers. */
  private packed(field: protobuf.Field, values: Scalar[]): void {
    const length = this.varint();
    const end = this.at + length;
    while (this.at < end) values.push(this.value(field));
  }

  private value(field: protobuf.Field): Scalar {
    if (isBytes(field)) {
      const length = this.varint();
      const end = this.at + length;
      if (field.resolvedType instanceof protobuf.Type) return this.message(field.resolvedType, end);
      const content = this.bytes.subarray(this.at, end);
      this.at = end;
      return field.type === "string" ? text.decode(content) : content;
    }
    switch (field.type) {
      case "float":
        this.at += 4;
        return this.view.getFloat32(this.at - 4, true);
      case "double":
        this.at += 8;
        return this.view.getFloat64(this.at - 8, true);
      case "uint64":
        return this.varint();
      case "int64":
        return this.signed(64);
      default:
        // int32 and enums: decoders keep the lower 32 bits.
        return this.signed(32);
    }
  }

  private signed(bits: 32 | 64): number {
    const start = this.at;
    const value = this.varint();
    if (this.at - start <= EXACT_BYTES && (bits === 64 || value < 0x80000000)) return value;
    let exact = 0n;
    for (let at = this.at - 1; at >= start; at--) exact = exact * 128n + BigInt((this.bytes[at] as number) & 0x7f);
    return Number(BigInt.asIntN(bits, exact));
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }
}

function isBytes(field: protobuf.Field): boolean {
  return field.resolvedType instanceof protobuf.Type || protobuf.types.basic[field.type as "string"] === BYTES;
}
