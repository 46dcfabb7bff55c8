import { endianness } from "node:os";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/** Encodes float32 values as little-endian bytes; on little-endian machines, a view of the values. */
export function encodeFloats(values: Float32Array): Buffer {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}

/**
 * Decodes a copy of the bytes, which need not be aligned in the message.
 * @throws UncoupleError with the given code if there are not exactly `count` numbers
 */
export function decodeFloats(bytes: Uint8Array, count: number, what: string, code: ErrorCode): Float32Array {
  if (bytes.byteLength !== count * 4) {
    const message = `${what}: ${bytes.byteLength} bytes where ${count} float32 (${count * 4} bytes) must be`;
    throw new UncoupleError(code, message);
  }
  const values = new Float32Array(count);
  const copy = Buffer.from(values.buffer);
  copy.set(bytes);
  if (endianness() !== "LE") copy.swap32();
  return values;
}
