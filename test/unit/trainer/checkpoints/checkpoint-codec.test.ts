import { describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../../../services/trainer/checkpoints/checkpoint-codec.ts";

const checkpoint = {
  step: 12_345,
  state: {
    "variable/w": { shape: [3, 2], values: Float32Array.from([1.5, -0, Number.MIN_VALUE, 3e38, 0.1, -7]) },
    "variable/empty": { shape: [0, 4], values: new Float32Array(0) },
    "optimiser/accBeta1": { shape: [], values: Float32Array.of(0.81) },
  },
  recentLosses: [0.1, 1 / 3, 2e-308],
};

describe("a checkpoint file", () => {
  test("round-trips every bit", async () => {
    const back = await decodeCheckpoint(await encodeCheckpoint(checkpoint));
    expect(back).toEqual(checkpoint);
    expect(Object.is(back.state["variable/w"]?.values[1], -0)).toBe(true);
  });

  test("keeps the order of the tensors", async () => {
    const back = await decodeCheckpoint(await encodeCheckpoint(checkpoint));
    expect(Object.keys(back.state)).toEqual(Object.keys(checkpoint.state));
  });

  test("is decoded from an unaligned part of a buffer", async () => {
    const bytes = await encodeCheckpoint(checkpoint);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(await decodeCheckpoint(shifted.subarray(3))).toEqual(checkpoint);
  });

  test("stores only the viewed part of a larger buffer", async () => {
    const values = Float32Array.from([9, 1, 2, 9]).subarray(1, 3);
    const back = await decodeCheckpoint(
      await encodeCheckpoint({ ...checkpoint, state: { w: { shape: [2], values } } }),
    );
    expect([...(back.state.w?.values ?? [])]).toEqual([1, 2]);
  });

  test("is rejected if any byte differs", async () => {
    const bytes = await encodeCheckpoint(checkpoint);
    for (let at = 0; at < bytes.length; at += 7) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 1;
      await expect(decodeCheckpoint(damaged)).rejects.toMatchObject({ code: "data-loss" });
    }
  });

  test.each([0, 5, 11, 60, 200])("is rejected if truncated to %i bytes", async (length) => {
    const bytes = await encodeCheckpoint(checkpoint);
    await expect(decodeCheckpoint(bytes.subarray(0, length))).rejects.toMatchObject({ code: "data-loss" });
  });

  test("is rejected if it has trailing bytes", async () => {
    const bytes = await encodeCheckpoint(checkpoint);
    await expect(decodeCheckpoint(Uint8Array.from([...bytes, 0]))).rejects.toMatchObject({ code: "data-loss" });
  });
});
