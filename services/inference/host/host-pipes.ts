import { readSync, writeSync } from "node:fs";
import type { Column } from "../../data/table/table.ts";
import { bytesOf, decodePrefix, encodeFrame, PREFIX_BYTES } from "../frames/frame.ts";
import { type ColumnHeader, type FromHost, MAX_HEADER_TO_HOST, type ToHost } from "../frames/messages.ts";

/** The caller is gone. */
export class CallerGone extends Error {}

/** Bodies of at most this size are written together with what is before and after them: each write wakes the caller. */
const SMALL_BYTES = 256 * 1024;
const pending: Uint8Array[] = [];

function writePending(): void {
  write(pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending));
  pending.length = 0;
}

const STDIN = 0;
const STDOUT = 1;

/**
 * Standard input and output as blocking streams of frames: a host does one thing at a time, and needs no event loop to
 * wait for the next.
 */
export interface HostPipes {
  /** @throws CallerGone */
  receive(): { readonly message: ToHost; readonly body: ArrayBuffer };
  /** @param flush whether nothing follows at once, so that all that was not written yet must be */
  send(message: FromHost, body?: Float32Array, flush?: boolean): void;
}

export const hostPipes: HostPipes = {
  receive() {
    const lengths = decodePrefix(read(PREFIX_BYTES), { header: MAX_HEADER_TO_HOST, body: Number.MAX_SAFE_INTEGER });
    const message = JSON.parse(Buffer.from(read(lengths.header).buffer).toString()) as ToHost;
    return { message, body: read(lengths.body).buffer };
  },
  send(message, body, flush = true) {
    pending.push(encodeFrame(message, body?.byteLength ?? 0));
    if (body !== undefined && body.byteLength <= SMALL_BYTES) pending.push(bytesOf(body));
    else if (body !== undefined) {
      writePending();
      write(bytesOf(body));
    }
    if (flush) writePending();
  },
};

/** The column of a frame, which shares the memory of its body. */
export function columnOf(header: ColumnHeader, body: ArrayBuffer): Column {
  return header.kind === "numeric"
    ? { kind: "numeric", width: header.width, values: new Float32Array(body) }
    : { kind: "categorical", width: 1, codes: new Int32Array(body), dictionary: header.dictionary };
}

function read(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const count = whenReady(() => readSync(STDIN, bytes, filled, Math.min(length - filled, 2 ** 30), null));
    if (count === 0) throw new CallerGone("the caller is gone");
    filled += count;
  }
  return bytes;
}

function write(bytes: Uint8Array): void {
  for (let sent = 0; sent < bytes.length; ) {
    sent += whenReady(() => writeSync(STDOUT, bytes, sent, bytes.length - sent));
  }
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Repeats a call while its pipe is not ready: whatever opens a standard stream of this process makes it non-blocking. */
function whenReady(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EAGAIN") throw thrown;
      Atomics.wait(nobody, 0, 0, 1);
    }
  }
}
