import { UncoupleError } from "../../common/errors.ts";

/**
 * A frame is a prefix, a header in JSON and a body of raw bytes. The prefix has the length of both: magic, u32 bytes of
 * the header, f64 bytes of the body; little-endian.
 */
const MAGIC = 0x31434e55;
export const PREFIX_BYTES = 16;

export interface FrameLengths {
  readonly header: number;
  readonly body: number;
}

/** The prefix and the header of a frame; `body` bytes must follow. */
export function encodeFrame(header: unknown, body = 0): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + json.length);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt32LE(json.length, 4);
  frame.writeDoubleLE(body, 8);
  json.copy(frame, PREFIX_BYTES);
  return frame;
}

/** @throws UncoupleError `data-loss` for anything that is not the prefix of a frame, or lengths beyond the limits */
export function decodePrefix(prefix: Uint8Array, limits: FrameLengths): FrameLengths {
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
  const header = view.getUint32(4, true);
  const body = view.getFloat64(8, true);
  if (view.getUint32(0, true) !== MAGIC) throw new UncoupleError("data-loss", "not a frame");
  if (header > limits.header || !(body >= 0 && body <= limits.body && Number.isInteger(body))) {
    throw new UncoupleError("data-loss", "the frame is larger than expected");
  }
  return { header, body };
}

/** The bytes of an array, without a copy. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
