import { chunkBytes } from "./options.ts";

/** Divides bytes into chunks that fit a message. The chunks are views. */
export function* chunksOf(bytes: Uint8Array): Generator<Buffer, void, undefined> {
  for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
    const part = bytes.subarray(start, start + chunkBytes);
    yield Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  }
}
