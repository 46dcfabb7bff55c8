import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { type ChannelEnd, createMessenger } from "../../../../services/learning/isolation/messenger.ts";

/** Two ends of a channel that delivers copies asynchronously, as IPC does. */
function channel() {
  const listeners: ((frame: unknown) => void)[] = [];
  const sizes: number[] = [];
  const end = (from: number): ChannelEnd => ({
    send(frame, sent) {
      const copy = structuredClone(frame) as { bytes?: Uint8Array };
      sizes.push(copy.bytes?.length ?? 0);
      setImmediate(() => {
        listeners[1 - from]?.(copy);
        sent(null);
      });
    },
    onFrame: (listener) => {
      listeners[from] = listener;
    },
  });
  return { ends: [end(0), end(1)] as const, sizes, inject: (frame: unknown) => listeners[1]?.(frame) };
}

test("large arrays are sent in parts of a megabyte; messages arrive unchanged and in order", async () => {
  const { ends, sizes, inject } = channel();
  const sender = createMessenger<unknown, unknown>(ends[0]);
  const receiver = createMessenger<unknown, unknown>(ends[1]);
  const backing = Float32Array.from({ length: 900_000 }, (_, i) => Math.sin(i));
  const first = {
    name: "training",
    absent: undefined,
    columns: [{ values: backing.subarray(7, 800_000) }, { values: Float32Array.of(1, Number.NaN, -0) }],
    bytes: Uint8Array.from({ length: 1024 * 1024 }, (_, i) => i),
    nested: { state: { "variable/0": { shape: [300, 1000], values: backing.slice(0, 300_000) } } },
  };
  const both = [sender.send(first), sender.send({ kind: "second" })];
  inject({ kind: "from a library that found the channel" });
  inject("so is this");
  // toEqual takes seconds for large arrays.
  expect(isDeepStrictEqual(await receiver.next(), first)).toBe(true);
  expect(await receiver.next()).toEqual({ kind: "second" });
  await Promise.all(both);
  expect(Math.max(...sizes)).toBe(1024 * 1024);
  expect(sizes.filter((size) => size > 0).length).toBeGreaterThan(6);
});

test("messages that arrived before the channel closed are read before the error", async () => {
  const { ends } = channel();
  const sender = createMessenger<unknown, unknown>(ends[0]);
  const receiver = createMessenger<unknown, unknown>(ends[1]);
  await sender.send({ kind: "last" });
  receiver.close(new Error("the other end is gone"));
  receiver.close(new Error("closed twice"));
  expect(await receiver.next()).toEqual({ kind: "last" });
  await expect(receiver.next()).rejects.toThrow("the other end is gone");
});
