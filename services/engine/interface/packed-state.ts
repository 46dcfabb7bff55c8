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
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
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
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  let at = LENGTH_BYTES + headerLength;
  const tensors: [name: string, tensor: StateTensor][] = [];
  for (const { name, shape } of readHeader(digest, bytes.subarray(LENGTH_BYTES, at)).tensors) {
    const end = at + 4 * shape.reduce((product, extent) => product * extent, 1);
    if (end > bytes.length) throw damaged(digest, `the values of ${name} are missing`);
    // A copy, because the values need not begin at a multiple of their size.
    tensors.push([name, { shape, values: new Float32Array(bytes.slice(at, end).buffer) }]);
    at = end;
  }
  if (at !== bytes.length) throw damaged(digest, "it is longer than its header says");
  return Object.fromEntries(tensors);
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
