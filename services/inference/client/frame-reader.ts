import type { Readable } from "node:stream";
import { decodePrefix, type FrameLengths, PREFIX_BYTES } from "../frames/frame.ts";
import type { FromHost } from "../frames/messages.ts";
import { parseFromHost } from "./parse-from-host.ts";

export interface ReceivedFrame {
  readonly header: FromHost;
  readonly body: ArrayBuffer;
}

/** Part of a frame whose length is known. */
interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  filled: number;
}

const partOf = (length: number): Part => ({ bytes: new Uint8Array(length), filled: 0 });

/** Reads frames from a stream that anybody may have written to. */
export class FrameReader {
  private readonly received: ReceivedFrame[] = [];
  private waiting: { resolve(frame: ReceivedFrame): void; reject(reason: unknown): void } | undefined;
  private failure: unknown;
  private prefix = partOf(PREFIX_BYTES);
  private header: Part | undefined;
  private body: Part | undefined;
  private readonly limits: () => FrameLengths;
  private readonly onFrame: () => void;

  /**
   * @param limits of the next frame
   * @param onFrame called when a frame is complete
   */
  constructor(stream: Readable, limits: () => FrameLengths, onFrame: () => void) {
    this.limits = limits;
    this.onFrame = onFrame;
    stream.on("data", (chunk: Buffer) => {
      try {
        this.take(chunk);
      } catch (thrown) {
        this.fail(thrown);
        stream.destroy();
      }
    });
    stream.once("error", (error) => this.fail(error));
    stream.once("close", () => this.fail(new Error("the stream has ended")));
  }

  /** @throws what is wrong with the stream, once all complete frames are read */
  next(): Promise<ReceivedFrame> {
    const frame = this.received.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  private fail(reason: unknown): void {
    this.failure ??= reason;
    this.waiting?.reject(this.failure);
    this.waiting = undefined;
  }

  private take(chunk: Buffer): void {
    let at = 0;
    const fill = (part: Part): boolean => {
      const count = Math.min(part.bytes.length - part.filled, chunk.length - at);
      part.bytes.set(chunk.subarray(at, at + count), part.filled);
      part.filled += count;
      at += count;
      return part.filled === part.bytes.length;
    };
    for (;;) {
      if (this.header === undefined || this.body === undefined) {
        if (!fill(this.prefix)) return;
        const lengths = decodePrefix(this.prefix.bytes, this.limits());
        this.header = partOf(lengths.header);
        this.body = partOf(lengths.body);
      }
      if (!fill(this.header) || !fill(this.body)) return;
      this.deliver(this.header.bytes, this.body.bytes.buffer);
      this.prefix = partOf(PREFIX_BYTES);
      this.header = undefined;
      this.body = undefined;
    }
  }

  private deliver(header: Uint8Array, body: ArrayBuffer): void {
    const frame = { header: parseFromHost(new TextDecoder().decode(header)), body };
    this.onFrame();
    if (this.waiting === undefined) this.received.push(frame);
    else this.waiting.resolve(frame);
    this.waiting = undefined;
  }
}
