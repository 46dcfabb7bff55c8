import { endianness } from "node:os";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/** Little-endian float32; a view of the values where the machine is little-endian. */
export function encodeFloats(values: Float32Array): Buffer {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}

/**
 * A copy, because a message's bytes are not aligned.
 * @throws UncoupleError of that code when they are not `count` numbers
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
