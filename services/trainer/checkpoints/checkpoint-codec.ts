import { z } from "zod";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import type { StateTensor, TrainingState } from "../../engine/interface/program.ts";
import type { TrainingCheckpoint } from "../../learning/training/training-progress.ts";

/**
 * Layout of a checkpoint file: 8 magic bytes including the version, the header's length (uint32), a JSON header, the
 * losses (float64), the tensors (float32) in header order, and the SHA-256 of everything before it. Little-endian.
 */
const MAGIC = new TextEncoder().encode("UNCPCKP1");
const DIGEST_BYTES = 32;
const PREFIX = MAGIC.length + 4;

const headerSchema = z.strictObject({
  step: z.int().nonnegative(),
  losses: z.int().nonnegative(),
  tensors: z.array(z.strictObject({ name: z.string(), shape: z.array(z.int().nonnegative()) })),
});

const sizeOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);
const asBytes = (values: Float32Array | Float64Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Encodes a checkpoint as a file, preserving float32 and float64 values bit for bit. */
export async function encodeCheckpoint(checkpoint: TrainingCheckpoint): Promise<Uint8Array> {
  const { step, state, recentLosses } = checkpoint;
  const tensors = Object.entries(state);
  const header = new TextEncoder().encode(
    JSON.stringify({
      step,
      losses: recentLosses.length,
      tensors: tensors.map(([name, { shape }]) => ({ name, shape })),
    }),
  );
  const parts = [
    MAGIC,
    new Uint8Array(4),
    header,
    asBytes(Float64Array.from(recentLosses)),
    ...tensors.map(([, { values }]) => asBytes(values)),
  ];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, DIGEST_BYTES));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  new DataView(bytes.buffer).setUint32(MAGIC.length, header.length, true);
  bytes.set(Buffer.from(await sha256(bytes.subarray(0, at)), "hex"), at);
  return bytes;
}

/** @throws UncoupleError `data-loss` for bytes that are not a complete checkpoint of this version */
export async function decodeCheckpoint(bytes: Uint8Array): Promise<TrainingCheckpoint> {
  const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES));
  if (body.length < PREFIX || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw damaged("unknown format or version");
  }
  if ((await sha256(body)) !== Buffer.from(bytes.subarray(body.length)).toString("hex")) {
    throw damaged("SHA-256 mismatch");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getUint32(MAGIC.length, true);
  let at = PREFIX + headerLength;
  // A copy, because the values may not be aligned to their size.
  const take = (length: number) => {
    const part = new Uint8Array(body.subarray(at, at + length));
    if (part.length !== length) throw damaged("unexpected end of file");
    at += length;
    return part.buffer;
  };
  const header = readHeader(body.subarray(PREFIX, at));
  const recentLosses = [...new Float64Array(take(header.losses * 8))];
  const state: Record<string, StateTensor> = {};
  for (const { name, shape } of header.tensors) {
    state[name] = { shape, values: new Float32Array(take(sizeOf(shape) * 4)) };
  }
  if (at !== body.length) throw damaged("trailing bytes");
  return { step: header.step, state: state satisfies TrainingState, recentLosses };
}

function readHeader(bytes: Uint8Array): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw damaged("invalid header", cause);
  }
}

function damaged(why: string, cause?: unknown): UncoupleError {
  return new UncoupleError("data-loss", `the checkpoint is damaged: ${why}`, { cause });
}
