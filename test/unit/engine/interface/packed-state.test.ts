import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isFiniteState,
  packState,
  sameLayout,
  unpackState,
} from "../../../../services/engine/interface/packed-state.ts";
import type { TrainingState } from "../../../../services/engine/interface/program.ts";

const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return fc
    .float32Array({ minLength: size, maxLength: size, noDefaultInfinity: false, noNaN: true })
    .map((values) => ({ shape, values }));
});
const states: fc.Arbitrary<TrainingState> = fc.dictionary(fc.string({ minLength: 1 }), tensor, { maxKeys: 5 });

const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("a packed state", () => {
  test("comes back bit for bit, and is named by the SHA-256 of its bytes", async () => {
    await fc.assert(
      fc.asyncProperty(states, async (state) => {
        const packed = await packState(state);
        expect(packed.digest).toBe(digestOf(packed.bytes));
        const unpacked = await unpackState(packed);
        expect(Object.keys(unpacked).sort()).toEqual(Object.keys(state).sort());
        for (const [name, { shape, values }] of Object.entries(state)) {
          expect(unpacked[name]?.shape).toEqual(shape);
          expect(Buffer.from(unpacked[name]?.values.buffer as ArrayBuffer)).toEqual(
            Buffer.from(values.buffer, values.byteOffset, values.byteLength),
          );
        }
      }),
    );
  });

  test("has the layout of its names and shapes, whatever its values", async () => {
    const bytesOf = async (state: TrainingState) => (await packState(state)).bytes;
    const two = await bytesOf({ a: { shape: [2], values: Float32Array.of(1, 2) } });
    expect(sameLayout(two, await bytesOf({ a: { shape: [2], values: Float32Array.of(3, 4) } }))).toBe(true);
    expect(sameLayout(two, await bytesOf({ b: { shape: [2], values: Float32Array.of(1, 2) } }))).toBe(false);
    expect(sameLayout(two, await bytesOf({ a: { shape: [3], values: Float32Array.of(1, 2, 3) } }))).toBe(false);
    expect(sameLayout(two, two.subarray(1))).toBe(false);
    expect(sameLayout(new Uint8Array(2), new Uint8Array(2))).toBe(false);
  });

  test("is finite if all values of the tensors asked about are, at any place", async () => {
    const large = new Float32Array(3 * 2 ** 20);
    const state = (values: Float32Array) => ({
      "optimiser/m": { shape: [1], values: Float32Array.of(Number.POSITIVE_INFINITY) },
      "variable/w": { shape: [values.length], values },
    });
    expect(await isFiniteState(await packState(state(large)), "variable/")).toBe(true);
    expect(await isFiniteState(await packState(state(large)), "optimiser/")).toBe(false);
    for (const at of [0, 2 ** 20, large.length - 1]) {
      const values = large.slice();
      values[at] = Number.NaN;
      expect(await isFiniteState(await packState(state(values)), "variable/")).toBe(false);
    }
  });

  test("depends on the tensors, not on their order", async () => {
    const a = { shape: [2], values: Float32Array.of(1, 2) };
    const b = { shape: [], values: Float32Array.of(3) };
    expect((await packState({ a, b })).digest).toBe((await packState({ b, a })).digest);
    expect((await packState({ a, b })).digest).not.toBe((await packState({ b: a, a: b })).digest);
    expect((await packState({ a })).digest).not.toBe((await packState({ a: { ...a, shape: [1, 2] } })).digest);
  });

  test("with any byte changed is refused by its digest", async () => {
    const packed = await packState({ w: { shape: [3], values: Float32Array.of(1, -0, 2.5) } });
    for (let at = 0; at < packed.bytes.length; at++) {
      const bytes = Uint8Array.from(packed.bytes);
      bytes[at] = (bytes[at] as number) ^ 1;
      await expect(unpackState({ ...packed, bytes })).rejects.toMatchObject({ code: "data-loss" });
    }
  });

  test.each([
    ["no header", Uint8Array.of(1, 2), /it has no header/],
    ["a header that is not JSON", Uint8Array.of(1, 0, 0, 0, 0xff), /its header is not JSON/],
    ["values that are missing", pack('{"tensors":[{"name":"w","shape":[2]}]}', 4), /the values of w are missing/],
    ["more than its header says", pack('{"tensors":[]}', 4), /longer than its header says/],
  ])("whose digest is right but that has %s is refused", async (_name, bytes, message) => {
    await expect(unpackState({ digest: digestOf(bytes), bytes })).rejects.toThrow(message);
  });
});

function pack(header: string, valueBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(4 + text.length + valueBytes);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  return bytes;
}

test("bytes that arrived in a buffer with others are read as well", async () => {
  const packed = await packState({ b: { shape: [2], values: Float32Array.of(1, 2) } });
  const bytes = Buffer.concat([Buffer.of(1, 2, 3), packed.bytes]).subarray(3);
  expect(await unpackState({ digest: packed.digest, bytes })).toEqual(await unpackState(packed));
});
