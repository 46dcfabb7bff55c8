import { Transform, type TransformCallback } from "node:stream";
import type { HostEnd } from "./host-connector.ts";

/**
 * What a supervisor sends to its client is cut into chunks: u8 kind, u32 length (little-endian), bytes. Chunks of kind 0 are
 * what the host wrote; the only one of kind 1 is the last and says in JSON how the host ended.
 */
const DATA = 0;
const END = 1;
const HEAD_BYTES = 5;
/** The longest end of a host, in bytes. */
const MAX_END_BYTES = 4096;

function headOf(kind: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(kind, 0);
  head.writeUInt32LE(length, 1);
  return head;
}

export function encodeEnd(end: HostEnd): Buffer {
  const json = Buffer.from(JSON.stringify(end));
  return Buffer.concat([headOf(END, json.length), json]);
}

/** Wraps what a host writes. */
export function wrapOutput(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      this.push(headOf(DATA, chunk.length));
      done(null, chunk);
    },
  });
}

/** Unwraps what a supervisor sends. @param onEnd called with how the host ended, if the supervisor says so */
export function unwrapOutput(onEnd: (end: HostEnd) => void): Transform {
  let head = Buffer.alloc(0);
  let kind = DATA;
  let left = 0;
  let end = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      let rest = chunk;
      while (rest.length > 0) {
        if (left === 0) {
          const taken = HEAD_BYTES - head.length;
          head = Buffer.concat([head, rest.subarray(0, taken)]);
          rest = rest.subarray(taken);
          if (head.length < HEAD_BYTES) break;
          kind = head.readUInt8(0);
          left = head.readUInt32LE(1);
          head = Buffer.alloc(0);
          continue;
        }
        const part = rest.subarray(0, left);
        rest = rest.subarray(part.length);
        left -= part.length;
        if (kind === DATA) this.push(part);
        else if (end.length + part.length <= MAX_END_BYTES) end = Buffer.concat([end, part]);
        if (kind === END && left === 0) onEnd(parseEnd(end));
      }
      done();
    },
  });
}

function parseEnd(json: Buffer): HostEnd {
  const { death, detail } = JSON.parse(json.toString()) as HostEnd;
  return { death: death === "memory" || death === "deadline" ? death : "crash", detail: String(detail) };
}
