import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader } from "../../../../services/inference/client/frame-reader.ts";
import { encodeFrame } from "../../../../services/inference/frames/frame.ts";
import type { FromHost } from "../../../../services/inference/frames/messages.ts";

const held = { columns: 1, outputs: 2, models: 3 };
const messages: FromHost[] = [
  { kind: "ready" },
  { kind: "missing", stage: 3, columns: ["7", "8"], model: true },
  { kind: "progress", stage: 0, phase: "trial" },
  { kind: "output" },
  { kind: "done", held },
  { kind: "failed", stage: 1, error: { reason: "not-finite", message: "z is not finite" }, held },
];

function readerOf(body = 1e6) {
  const stream = new PassThrough();
  const reader = new FrameReader(
    stream,
    () => ({ header: 1000, body }),
    () => {},
  );
  return { stream, reader };
}

test("frames arrive whole and in order, however the stream is cut", async () => {
  const sent = fc.array(fc.tuple(fc.constantFrom(...messages), fc.uint8Array({ maxLength: 300 })), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(sent, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), async (frames, cuts) => {
      const { stream, reader } = readerOf();
      const bytes = Buffer.concat(frames.flatMap(([message, body]) => [encodeFrame(message, body.length), body]));
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const end = at + (cuts[cut % cuts.length] as number);
        stream.write(bytes.subarray(at, end));
        at = end;
      }
      for (const [message, body] of frames) {
        const frame = await reader.next();
        expect(frame.header).toEqual(message);
        expect(new Uint8Array(frame.body)).toEqual(body);
      }
    }),
    { numRuns: 100 },
  );
});

test.each([
  ["random bytes", Buffer.from("this is no frame at all")],
  ["a body beyond the limit", encodeFrame({ kind: "output" }, 2e6)],
  ["a body of no length", encodeFrame({ kind: "output" }, Number.NaN)],
  ["a header beyond the limit", encodeFrame({ kind: "ready", padding: "x".repeat(2000) })],
  ["a header that is not JSON", Buffer.concat([encodeFrame({ kind: "ready" }).subarray(0, -1), Buffer.from("]")])],
  ["an unknown message", encodeFrame({ kind: "hello" })],
  ["a stage that is no number", encodeFrame({ kind: "progress", stage: "0", phase: "run" })],
  ["a reason that no quarantine has", encodeFrame({ ...messages[5], error: { reason: "bored", message: "" } })],
])("a stream with %s is broken, and no memory is taken for it", async (_, bytes) => {
  const { stream, reader } = readerOf();
  stream.write(bytes);
  await expect(reader.next()).rejects.toThrow();
  expect(stream.destroyed).toBe(true);
});

test("what came before the end of the stream can still be read", async () => {
  const { stream, reader } = readerOf();
  stream.write(encodeFrame({ kind: "ready" }));
  stream.write(encodeFrame({ kind: "output" }, 8));
  stream.end();
  expect((await reader.next()).header.kind).toBe("ready");
  await expect(reader.next()).rejects.toThrow("the stream has ended");
});

test("a long text of a host is cut, and loses its control characters", async () => {
  const { stream, reader } = readerOf();
  const message = `one\n\u001b[31mtwo ${"x".repeat(700)}`;
  stream.write(encodeFrame({ kind: "failed", stage: 0, error: { message }, held }));
  const { header } = await reader.next();
  expect(header.kind === "failed" && header.error.message).toBe(`one  [31mtwo ${"x".repeat(700)}`);
});
