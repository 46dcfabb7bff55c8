import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import type { StateTensor, TrainingState } from "./program.ts";

/**
 * A training state as bytes that are named by their digest, to be handed from one process to another. Equal states have
 * equal bytes, whichever engine or machine they come from, so that a digest stands for a state.
 */
export interface PackedState {
  /** SHA-256 of `bytes`, lower-case hex. */
  readonly digest: string;
  /** Length of the header (uint32), a JSON header, then float32 values, all little-endian. */
  readonly bytes: Uint8Array;
}

interface Header {
  /** In the order of their names. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

const LENGTH_BYTES = 4;
/** Bytes copied or checked between yields to the event loop: a few milliseconds. */
const SLICE_BYTES = 4 * 1024 * 1024;

export async function packState(state: TrainingState): Promise<PackedState> {
  const tensors = Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1));
  const described: Header = { tensors: tensors.map(([name, { shape }]) => ({ name, shape })) };
  const header = new TextEncoder().encode(JSON.stringify(described));
  const size = tensors.reduce((sum, [, { values }]) => sum + values.byteLength, LENGTH_BYTES + header.length);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + header.length;
  for (const [, { values }] of tensors) {
    await copy(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), bytes, at);
    at += values.byteLength;
  }
  return { digest: await sha256(bytes), bytes };
}

/**
 * @returns a state of its own, which shares no memory with the bytes
 * @throws UncoupleError `data-loss` if the bytes are not those that the digest names
 */
export async function unpackState({ digest, bytes }: PackedState): Promise<TrainingState> {
  const actual = await sha256(bytes);
  if (actual !== digest) throw damaged(digest, `its bytes have the digest ${actual}`);
  if (bytes.length < LENGTH_BYTES) throw damaged(digest, "it has no header");
  let at = valuesOffset(bytes);
  const tensors: [name: string, tensor: StateTensor][] = [];
  for (const { name, shape } of readHeader(digest, bytes.subarray(LENGTH_BYTES, at)).tensors) {
    const end = at + 4 * shape.reduce((product, extent) => product * extent, 1);
    if (end > bytes.length) throw damaged(digest, `the values of ${name} are missing`);
    // A copy, because the values need not begin at a multiple of their size. `slice` of a Buffer would be none.
    const values = new Float32Array((end - at) / 4);
    await copy(bytes.subarray(at, end), new Uint8Array(values.buffer), 0);
    tensors.push([name, { shape, values }]);
    at = end;
  }
  if (at !== bytes.length) throw damaged(digest, "it is longer than its header says");
  return Object.fromEntries(tensors);
}

/** Copies bytes, with yields to the event loop. @param at where they begin in the target */
async function copy(source: Uint8Array, target: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < source.length; from += SLICE_BYTES) {
    if (from > 0) await yieldToEventLoop();
    target.set(source.subarray(from, from + SLICE_BYTES), at + from);
  }
}

/** Where the values of all tensors begin, one after another. */
export function valuesOffset(bytes: Uint8Array): number {
  return LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

/** Reads values from a byte on, which need not be a multiple of their size. */
export function readValues(bytes: Uint8Array, at: number, count: number, into: Float32Array): void {
  new Uint8Array(into.buffer, into.byteOffset, 4 * count).set(bytes.subarray(at, at + 4 * count));
}

/** Whether two states have tensors of the same names and shapes, in bytes of the same length. */
export function sameLayout(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length || a.length < LENGTH_BYTES) return false;
  const end = valuesOffset(a);
  return Buffer.compare(a.subarray(0, end), b.subarray(0, end)) === 0;
}

/** Whether all values are finite of the tensors whose names begin so. @throws UncoupleError `data-loss` without a header */
export async function isFiniteState({ digest, bytes }: PackedState, prefix: string): Promise<boolean> {
  let at = valuesOffset(bytes);
  const values = new Float32Array(Math.ceil(Math.min(SLICE_BYTES, bytes.length) / 4));
  for (const { name, shape } of readHeader(digest, bytes.subarray(LENGTH_BYTES, at)).tensors) {
    const end = at + 4 * shape.reduce((product, extent) => product * extent, 1);
    for (let from = at; name.startsWith(prefix) && from < end; from += SLICE_BYTES) {
      const count = Math.min(SLICE_BYTES, end - from) / 4;
      readValues(bytes, from, count, values);
      if (!values.subarray(0, count).every(Number.isFinite)) return false;
      if (from > at) await yieldToEventLoop();
    }
    at = end;
  }
  return true;
}

function readHeader(digest: string, bytes: Uint8Array): Header {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Header;
  } catch (cause) {
    throw damaged(digest, "its header is not JSON", cause);
  }
}

function damaged(digest: string, why: string, cause?: unknown): UncoupleError {
  return new UncoupleError("data-loss", `training state ${digest}: ${why}`, { cause });
}
