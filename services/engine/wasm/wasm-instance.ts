import { UncoupleError } from "../../common/errors.ts";
import { MOST_PAGES, PAGE_BYTES } from "../../common/wasm/module-builder.ts";
import { instantiate, type WasmMemory, type WasmModule } from "../../common/wasm/web-assembly.ts";
import { align, SLACK_BYTES } from "../compiler/wasm/lower/memory-plan.ts";
import { eachPiece } from "./pieces.ts";
import type { SessionPlan, WasmRequest } from "./thread-messages.ts";

/** Most bytes of a module's memory: addresses have 32 bits. */
export const MOST_BYTES = MOST_PAGES * PAGE_BYTES;

interface Exports {
  readonly memory: WasmMemory;
  run(steps: number, ...pointers: number[]): void;
}

/** An instance of a compiled training program with its data and state. */
export class WasmInstance {
  private readonly exports: Exports;
  private plan: SessionPlan = { heap: 0, carried: [], columns: [] };
  private columns: readonly number[] = [];
  /** First byte after the resident columns. */
  private end = 0;

  constructor(module: WasmModule) {
    this.exports = instantiate(module) as unknown as Exports;
  }

  /** Bytes of its memory. */
  get bytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** @throws UncoupleError `resource-exhausted` if there is no memory for the columns */
  open(plan: SessionPlan): void {
    this.plan = plan;
    const ends = columnEnds(plan);
    this.columns = ends.map((_, index) => (index === 0 ? plan.heap : (ends[index - 1] as number)));
    this.end = ends.at(-1) ?? plan.heap;
    this.reserve(this.end);
  }

  write(column: number, from: number, values: Float32Array): void {
    this.floats(this.columns[column] as number, values.length + from).set(values, from);
  }

  /** @returns the losses @throws UncoupleError `resource-exhausted` if there is no memory for the chunk */
  run({ steps, indices, scheduled, feeds }: WasmRequest & { kind: "run" }): Float32Array {
    let end = this.end;
    const place = (length: number): number => {
      const address = end;
      end = align(end + 4 * length);
      return address;
    };
    const [rows, losses] = [place(indices.length), place(steps)];
    const numbers = scheduled.map(({ length }) => place(length));
    const fed = feeds.map(({ length }) => place(length));
    this.reserve(end);
    new Int32Array(this.exports.memory.buffer, rows, indices.length).set(indices);
    scheduled.forEach((column, index) => {
      this.floats(numbers[index] as number, column.length).set(column);
    });
    feeds.forEach((feed, index) => {
      this.floats(fed[index] as number, feed.length).set(feed);
    });
    this.exports.run(steps, rows, losses, ...numbers, ...this.columns, ...fed);
    return this.floats(losses, steps).slice();
  }

  /** Reads values of the carried vectors, which follow one another. */
  state(from: number, count: number): Float32Array {
    const values = new Float32Array(count);
    this.eachCarried(from, count, (part, offset) => values.set(part, offset));
    return values;
  }

  restore(from: number, values: Float32Array): void {
    this.eachCarried(from, values.length, (part, offset) => part.set(values.subarray(offset, offset + part.length)));
  }

  private eachCarried(from: number, count: number, visit: (part: Float32Array, offset: number) => void): void {
    const { carried } = this.plan;
    const lengths = carried.map(({ length }) => length);
    eachPiece(lengths, from, count, (index, start, offset, length) => {
      const { address } = carried[index] as SessionPlan["carried"][number];
      visit(this.floats(address + 4 * start, length), offset);
    });
  }

  private floats(address: number, length: number): Float32Array {
    return new Float32Array(this.exports.memory.buffer, address, length);
  }

  private reserve(end: number): void {
    const missing = end + SLACK_BYTES - this.bytes;
    if (missing <= 0) return;
    const refuse = (cause?: unknown) => outOfMemory(end, cause);
    if (end + SLACK_BYTES > MOST_BYTES) throw refuse();
    try {
      this.exports.memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch (thrown) {
      throw refuse(thrown);
    }
  }
}

/** The addresses after each resident column. */
function columnEnds({ heap, columns }: SessionPlan): number[] {
  let end = heap;
  return columns.map((length) => {
    end = align(end + 4 * length);
    return end;
  });
}

/** Bytes that a session takes at least, without its chunks. */
export function memoryOf(plan: SessionPlan): number {
  return (columnEnds(plan).at(-1) ?? plan.heap) + SLACK_BYTES;
}

/**
 * Refuses a program whose data cannot be addressed, before anything is allocated.
 *
 * @throws UncoupleError `resource-exhausted`
 */
export function checkMemory(plan: SessionPlan): void {
  const bytes = memoryOf(plan);
  if (bytes > MOST_BYTES) throw outOfMemory(bytes);
}

function outOfMemory(bytes: number, cause?: unknown): UncoupleError {
  const gibibytes = (bytes / 2 ** 30).toFixed(1);
  return new UncoupleError(
    "resource-exhausted",
    `the program and its data need ${gibibytes} GiB in one WebAssembly memory, which cannot be had here (at most 4 GiB): ` +
      "train on fewer rows or columns, or choose the engine 'onnx:cpu'",
    { cause },
  );
}
