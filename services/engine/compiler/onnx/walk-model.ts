import protobuf from "protobufjs";
import { UncoupleError } from "../../../common/errors.ts";
import { ONNX_IR_VERSION, ONNX_RELEASE } from "./gen/onnx-schema.ts";
import { modelType } from "./onnx-proto.ts";

/** The deepest nesting of messages. Protobuf's own decoders stop at 100; a graph inside a graph adds 3 levels. */
const DEEPEST = 64;

/** Two bytes can encode a message for which ONNX Runtime allocates hundreds; this bounds the factor. */
const MOST_MESSAGES = 1_000_000;

/** A byte can encode a number that takes eight in memory; this bounds them. Raw tensor data does not count. */
const MOST_NUMBERS = 2 ** 25;

/** Bytes and value of the largest tag that protobuf allows. Decoders in C++ truncate larger ones to 32 bits. */
const LONGEST_TAG = 5;
const LARGEST_TAG = 0xffffffff;

/** Bytes of the longest number, of 64 bits. */
const LONGEST_VARINT = 10;

/** Longest path in an error message, in characters; longer ones are abbreviated in the middle. */
const LONGEST_PATH = 200;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Called for each occurrence of a field, except floating-point numbers.
 *
 * @param value the value of an integer or an enum, or the bytes of a string, a byte string or a message
 * @param path names the field, for example `graph.node[3].attribute[0].t`
 */
export type FieldRule = (value: number | Uint8Array, path: () => string) => void;

/** Rules by message type and field name, as in `gen/onnx-schema.ts`: for example `NodeProto` and `opType`. */
export type FieldRules = Readonly<Record<string, Readonly<Record<string, FieldRule>>>>;

/**
 * Walks the encoded bytes of an ONNX model and applies rules to its fields.
 *
 * Protobuf decoders treat unusual encodings differently: repeated occurrences of a message are merged or replaced,
 * unknown fields dropped or kept, oversized numbers truncated. A decoded model would be no evidence of what ONNX
 * Runtime's own decoder sees. This walk sees every occurrence of every field, and rejects everything that the official
 * schema does not define and everything that decoders could understand differently: bytes that pass have one meaning
 * (`decodeModel`). It takes time linear in the number of bytes.
 *
 * @throws UncoupleError `invalid-argument` when the bytes are malformed, contain unknown fields or enum values, have a
 *   field several times that may occur once, or have too many messages, numbers or levels; whatever a rule throws
 */
export function walkModel(bytes: Uint8Array, rules: FieldRules): void {
  new ModelWalk(bytes, rules).message(modelType, bytes.length);
}

class ModelWalk {
  private readonly bytes: Uint8Array;
  private readonly rules: FieldRules;
  /** The path to the current position, `depth` long: fields, and their indices among equal ones in their message. */
  private readonly fields: protobuf.Field[] = [];
  private readonly indices: number[] = [];
  private depth = 0;
  private messages = 0;
  private numbers = 0;
  private at = 0;

  constructor(bytes: Uint8Array, rules: FieldRules) {
    this.bytes = bytes;
    this.rules = rules;
  }

  /** Walks the message that extends from the current position to `end`. */
  message(type: protobuf.Type, end: number): void {
    const depth = this.depth;
    if (depth > DEEPEST) throw invalid(`its messages are nested more than ${DEEPEST} levels deep`);
    if (++this.messages > MOST_MESSAGES) throw invalid(`it contains more than ${MOST_MESSAGES} messages`);
    const rules = this.rules[type.name];
    const fields = type.fieldsById;
    const counts: number[] = [];
    const chosen = new Set<protobuf.OneOf>();
    while (this.at < end) {
      const tag = this.varint(end, LONGEST_TAG);
      const id = tag >>> 3;
      const wire = tag & 7;
      if (tag > LARGEST_TAG || id === 0 || !isWireType(wire)) throw this.malformed("expected a field");
      const field = fields[id];
      if (field === undefined) throw this.unknown(`field ${id}`, type);
      const index = counts[id] ?? 0;
      counts[id] = index + 1;
      this.fields[depth] = field;
      this.indices[depth] = index;
      this.depth = depth + 1;
      if (!field.repeated && (index > 0 || (field.partOf !== null && chosen.has(field.partOf)))) {
        throw invalid(`${this.path()} occurs more than once`);
      }
      if (field.partOf !== null) chosen.add(field.partOf);
      this.field(field, wire, end, rules?.[field.name]);
      this.depth = depth;
    }
  }

  private field(field: protobuf.Field, wire: number, end: number, rule: FieldRule | undefined): void {
    const expected = wireType(field);
    if (wire === expected && wire !== BYTES) {
      this.count(1);
      this.number(field, wire, end, rule);
    } else if (wire === expected) {
      const last = this.contentEnd(end);
      rule?.(this.bytes.subarray(this.at, last), () => this.path());
      if (field.resolvedType instanceof protobuf.Type) this.message(field.resolvedType, last);
      this.at = last;
    } else if (wire === BYTES && field.repeated) {
      // Decoders accept repeated numbers both packed and one by one, whatever the schema says.
      const last = this.contentEnd(end);
      this.count(this.packedNumbers(expected, last));
      while (this.at < last) this.number(field, expected, last, rule);
    } else {
      throw this.malformed(`${this.path()} has the wrong wire type ${wire}`);
    }
  }

  private number(field: protobuf.Field, wire: number, end: number, rule: FieldRule | undefined): void {
    if (wire !== VARINT) {
      const size = wire === FIXED64 ? 8 : 4;
      if (end - this.at < size) throw this.truncated();
      this.at += size;
      return;
    }
    const value = this.varint(end, LONGEST_VARINT);
    if (field.resolvedType instanceof protobuf.Enum && field.resolvedType.valuesById[value] === undefined) {
      throw this.unknown(`value ${value}`, field.resolvedType);
    }
    rule?.(value, () => this.path());
  }

  private count(numbers: number): void {
    this.numbers += numbers;
    if (this.numbers > MOST_NUMBERS) throw invalid(`it contains more than ${MOST_NUMBERS} numbers outside raw data`);
  }

  /** How many numbers are packed between the current position and `last`. */
  private packedNumbers(wire: number, last: number): number {
    if (wire !== VARINT) return (last - this.at) / (wire === FIXED64 ? 8 : 4);
    let count = 0;
    for (let at = this.at; at < last; at++) if ((this.bytes[at] as number) < 0x80) count++;
    return count;
  }

  /** Reads a length and returns where the content that follows it ends. */
  private contentEnd(end: number): number {
    const length = this.varint(end, LONGEST_TAG);
    if (length > end - this.at) throw this.truncated();
    return this.at + length;
  }

  /** Exact below 2^53; larger values are rounded but stay at or above 2^53. */
  private varint(end: number, longest: number): number {
    let value = 0;
    let scale = 1;
    for (let read = 0; read < longest; read++) {
      if (this.at >= end) throw this.truncated();
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw this.malformed(`a number takes more than ${longest} bytes`);
  }

  private path(): string {
    const path = this.fields
      .slice(0, this.depth)
      .map((field, step) => (field.repeated ? `${officialName(field)}[${this.indices[step]}]` : officialName(field)))
      .join(".");
    if (path.length <= LONGEST_PATH) return path;
    return `${path.slice(0, LONGEST_PATH / 2)}...${path.slice(-LONGEST_PATH / 2)}`;
  }

  private unknown(what: string, type: protobuf.Type | protobuf.Enum): UncoupleError {
    const place = this.depth === 0 ? "the model" : this.path();
    return invalid(
      `unknown ${what} of ${type.name} in ${place}; if a newer ONNX made the model, export it for ONNX ` +
        `${ONNX_RELEASE} (IR version ${ONNX_IR_VERSION}), the latest that Uncouple supports`,
    );
  }

  private truncated(): UncoupleError {
    return this.malformed("the data is truncated");
  }

  private malformed(what: string): UncoupleError {
    return invalid(`parsing failed at byte ${this.at}: ${what}`);
  }
}

function invalid(what: string): UncoupleError {
  return new UncoupleError("invalid-argument", `not a valid ONNX model: ${what}`);
}

/** Groups (3, 4) are a relic of protobuf that ONNX never used; 6 and 7 mean nothing. */
function isWireType(wire: number): boolean {
  return wire <= BYTES || wire === FIXED32;
}

function wireType(field: protobuf.Field): number {
  if (field.resolvedType instanceof protobuf.Type) return BYTES;
  if (field.resolvedType instanceof protobuf.Enum) return VARINT;
  return protobuf.types.basic[field.type as keyof typeof protobuf.types.basic];
}

/** The name in `onnx.proto`: `opType` is `op_type`. */
function officialName(field: protobuf.Field): string {
  return field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
