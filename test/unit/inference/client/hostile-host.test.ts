import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { Column } from "../../../../services/data/table/table.ts";
import { createInference } from "../../../../services/inference/client/create-inference.ts";
import type { HostEnd } from "../../../../services/inference/connect/host-connector.ts";
import { encodeFrame } from "../../../../services/inference/frames/frame.ts";
import { modelOfBytes } from "../../../../services/inference/hosted-model.ts";
import { InferenceDeath, StageFault } from "../../../../services/inference/inference.ts";
import { oneToOne } from "../../../helpers/expensive-models.ts";

const x: Column = { kind: "numeric", width: 1, values: Float32Array.of(1, 2) };
const held = { columns: 0, outputs: 0, models: 0 };
const output = { name: "y", width: 1, meaning: "scalar" } as const;
const model = modelOfBytes("m", new Uint8Array(3), oneToOne);
const plan = {
  rows: 2,
  stages: [
    { model, inputs: { x: { column: x } }, output },
    { model, inputs: { x: { stage: 0 } }, output },
  ],
  wanted: [1],
  keep: true,
};
const values = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer);
const run = encodeFrame({ kind: "progress", stage: 1, phase: "run" });

/** Hosts that a model has taken over: each answers its first calls with these bytes, a call each. */
function takenOver(...answers: readonly Buffer[]) {
  const deaths: string[] = [];
  const starts = { count: 0 };
  const inference = createInference(
    { hosts: 1, timeoutSeconds: 60, memoryBytes: 1e9 },
    {
      clock: createVirtualClock(),
      onDeath: (cause) => deaths.push(cause),
      connector: {
        async connect() {
          starts.count += 1;
          const input = new PassThrough();
          const stdout = new PassThrough();
          let kill = () => {};
          const ended = new Promise<HostEnd>((resolve) => {
            kill = () => {
              stdout.destroy();
              resolve({ death: "crash", detail: "was killed" });
            };
          });
          stdout.write(encodeFrame({ kind: "ready" }));
          const left = [...answers];
          input.on("data", () => stdout.write(left.shift() ?? Buffer.alloc(0)));
          return { input, output: stdout, ended, kill };
        },
      },
    },
  );
  return { inference, starts, deaths };
}

async function outcome(...answer: readonly Buffer[]) {
  const { inference, deaths } = takenOver(Buffer.concat(answer));
  const result = await inference.run(plan).catch((thrown: unknown) => thrown);
  await inference.close();
  return { result, deaths };
}

const honest = [run, encodeFrame({ kind: "output" }, 8), values(3, 4), encodeFrame({ kind: "done", held })];

test("an honest answer is returned", async () => {
  const { result } = await outcome(...honest);
  expect(result).toEqual([Float32Array.of(3, 4)]);
});

test("a call that may kill no host is not repeated in a fresh one", async () => {
  const { inference, starts } = takenOver(Buffer.concat(honest), Buffer.concat([run, Buffer.alloc(64, 7)]));
  await inference.run(plan);
  await expect(inference.run({ ...plan, deaths: 0 })).rejects.toMatchObject({ stage: 1 });
  expect(starts.count).toBe(1);
  expect(await inference.run(plan)).toEqual([Float32Array.of(3, 4)]);
  expect(starts.count).toBe(2);
  await inference.close();
});

test.each([
  ["a larger output than asked for", [run, encodeFrame({ kind: "output" }, 12), values(1, 2, 3)]],
  ["a smaller one", [run, encodeFrame({ kind: "output" }, 4), values(1)]],
  ["more outputs", [run, ...[1, 2].flatMap(() => [encodeFrame({ kind: "output" }, 8), values(1, 2)])]],
  ["none", [run, encodeFrame({ kind: "done", held })]],
  ["a stage that the call does not have", [run, encodeFrame({ kind: "progress", stage: 2, phase: "run" })]],
  ["an earlier stage again, for more time", [run, encodeFrame({ kind: "progress", stage: 0, phase: "run" })]],
  ["a wish for another's column", [run, encodeFrame({ kind: "missing", stage: 1, columns: ["2"], model: false })]],
  ["noise", [run, Buffer.alloc(64, 7)]],
])("a host that sends %s is killed, and so is the fresh one", async (_, answer) => {
  const { result, deaths } = await outcome(...answer);
  expect(result).toBeInstanceOf(StageFault);
  expect(result).toMatchObject({ stage: 1, reason: "evaluation-failed", cause: expect.any(InferenceDeath) });
  expect(deaths).toEqual(["crash"]);
});

test("outputs are checked here again, because a host may lie about them", async () => {
  const done = encodeFrame({ kind: "done", held });
  const { result, deaths } = await outcome(run, encodeFrame({ kind: "output" }, 8), values(1, Number.NaN), done);
  expect(result).toMatchObject({ stage: 1, reason: "not-finite", message: "y is not finite in row 2" });
  expect(deaths).toEqual([]);
});

test("a host that ends before it has begun with a model is nobody's fault", async () => {
  const { result } = await outcome(Buffer.alloc(64, 7));
  expect(result).toMatchObject({ code: "unavailable" });
});
