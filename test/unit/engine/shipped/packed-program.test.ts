import { expect, test } from "vitest";
import { recordStep } from "../../../../services/engine/compiler/tracing/record-step.ts";
import { stepKey } from "../../../../services/engine/compiler/tracing/step-key.ts";
import { packProgram, unpackProgram } from "../../../../services/engine/shipped/packed-program.ts";
import { adam, denseProgram } from "../../../helpers/dense-program.ts";

const program = denseProgram({ widths: [3, 5, 1], batch: 8, optimizer: adam, loss: "mse", seed: 3 });

test("an unpacked step has the structure of the recorded one", async () => {
  const recorded = recordStep(program);
  const { recorded: unpacked, shape } = await unpackProgram(await packProgram(recorded, program));
  expect(stepKey(unpacked.step)).toBe(stepKey(recorded.step));
  expect(Object.keys(unpacked.initial)).toEqual(Object.keys(recorded.initial));
  expect(shape).toEqual({ batch: 8, resident: program.resident, feeds: {} });
});

test("programs that differ in initial values alone are equal", async () => {
  const other = denseProgram({ widths: [3, 5, 1], batch: 8, optimizer: adam, loss: "mse", seed: 4 });
  const [a, b] = await Promise.all([program, other].map((each) => packProgram(recordStep(each), each)));
  expect(a?.digest).toBe(b?.digest);
});

test("damaged bytes are refused", async () => {
  const { digest, bytes } = await packProgram(recordStep(program), program);
  const flipped = bytes.slice();
  flipped[40] = (flipped[40] as number) ^ 1;
  await expect(unpackProgram({ digest, bytes: flipped })).rejects.toThrow(/its bytes have the digest/);
  await expect(unpackProgram({ digest, bytes: bytes.subarray(0, 100) })).rejects.toThrow(/its bytes have the digest/);
});

test("bytes that arrived in a buffer with others are read as well", async () => {
  const packed = await packProgram(recordStep(program), program);
  const bytes = Buffer.concat([Buffer.of(1, 2, 3), packed.bytes]).subarray(3);
  const { recorded } = await unpackProgram({ digest: packed.digest, bytes });
  expect((await packProgram(recorded, program)).digest).toBe(packed.digest);
});
