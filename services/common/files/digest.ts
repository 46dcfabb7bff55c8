import { createHash } from "node:crypto";
import { yieldToEventLoop } from "../async/yield.ts";

/** Bytes hashed before yielding to the event loop: about 2 ms. */
const SLICE = 4 * 1024 * 1024;

/** Computes the SHA-256 in lowercase hex, without blocking the event loop on large models. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += SLICE) {
    if (at > 0) await yieldToEventLoop();
    hash.update(bytes.subarray(at, at + SLICE));
  }
  return hash.digest("hex");
}
