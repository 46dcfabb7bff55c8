import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Prediction, PredictionInputs } from "../../services/pipeline/prediction.ts";
import type { Logged, PipelineMatrix } from "../../services/pipeline/verdict.ts";
import { chunkBytes } from "../../services/rpc/options.ts";
import type { EvaluatorStatus } from "../../services/rpc/services/evaluator-service.ts";
import { type Page, readPages } from "../../services/rpc/services/pages.ts";
import type { TrainerStatus } from "../../services/rpc/services/trainer-service.ts";
import { manifests, quarantines, runs, verdicts } from "../helpers/arbitraries.ts";
import { someRun, someVerdict } from "../helpers/fake-services.ts";
import { serve } from "../helpers/rpc.ts";
import { take } from "../helpers/take.ts";

const never = new AbortController().signal;
const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number) => fc.sample(arbitrary, { numRuns, seed: 7 });

describe("a trainer over gRPC", () => {
  test("starts, gets, cancels and lists runs as if it were in the same process", async () => {
    const many = sample(runs, 30);
    const asked: unknown[] = [];
    const { trainer } = await serve({
      trainer: {
        startRun: async (request) => {
          asked.push(request);
          return someRun;
        },
        getRun: async (id) => ({ ...someRun, id }),
        cancelRun: async (id) => ({ ...someRun, id, state: "cancelled" }),
        listRuns: async () => many,
      },
    });
    expect(await trainer.startRun({})).toEqual(someRun);
    const protocol = { name: "proximal", parameters: { sigma: 0.15, target: "inputs" } };
    await trainer.startRun({ protocol, teamFile: "component: m2\n" });
    expect(asked).toEqual([{}, { protocol, teamFile: "component: m2\n" }]);
    expect(await trainer.getRun("r7")).toEqual({ ...someRun, id: "r7" });
    expect(await trainer.cancelRun("r8")).toEqual({ ...someRun, id: "r8", state: "cancelled" });
    expect(await trainer.listRuns()).toEqual(many);
  });

  test("tells its status", async () => {
    const status: TrainerStatus = {
      pipeline: "demo",
      component: "m2",
      engine: "onnx:cpu",
      state: "training",
      run: "r1",
      queued: 0,
      queueCapacity: 8,
      newest: null,
      pipelineDigest: "a".repeat(64),
      appliedDigest: null,
      version: "0.1.0",
      problem: "bad rows",
    };
    const { trainer } = await serve({ trainer: { status: async () => status } });
    expect(await trainer.status()).toEqual(status);
  });

  test("streams a run until it has ended", async () => {
    const states = [
      { ...someRun, step: 10 },
      { ...someRun, step: 50 },
      { ...someRun, step: 100, state: "succeeded" as const, snapshot: 4 },
    ];
    const { trainer } = await serve({
      trainer: {
        async *watchRun() {
          yield* states;
        },
      },
    });
    expect(await take(trainer.watchRun("r1", never), 10)).toEqual(states);
  });

  test("predicts from numbers and texts, by the newest or a named snapshot", async () => {
    const inputs: PredictionInputs = {
      rows: 2,
      columns: {
        x: { kind: "numeric", width: 2, values: Float32Array.of(1, 2, 3.5, Number.NaN) },
        color: { kind: "categorical", values: ["red", "grün"] },
      },
    };
    const seen: unknown[] = [];
    const prediction: Prediction = { serial: 3, width: 1, values: Float32Array.of(-0.5, 1e-30) };
    const { trainer } = await serve({
      trainer: {
        predict: async (given, serial) => {
          seen.push(given, serial);
          return prediction;
        },
      },
    });
    expect(await trainer.predict(inputs)).toEqual(prediction);
    expect(await trainer.predict(inputs, 3)).toEqual(prediction);
    expect(seen).toEqual([inputs, undefined, inputs, 3]);
  });

  test.each([0, 1, chunkBytes, 3 * chunkBytes + 17])("streams a snapshot of %i bytes and checks it", async (size) => {
    const [base] = sample(manifests, 1);
    if (base === undefined) throw new Error("no sample");
    const bytes = Buffer.alloc(size, "snapshot");
    const manifest = { ...base, serial: 5, size, digest: createHash("sha256").update(bytes).digest("hex") };
    const { trainer } = await serve({ trainer: { readSnapshot: async () => ({ manifest, bytes }) } });
    const read = await trainer.readSnapshot(5, never);
    expect(read.manifest).toEqual(manifest);
    expect(bytes.equals(read.bytes)).toBe(true);
  });

  test.each([
    ["cut short", (bytes: Buffer) => bytes.subarray(1), "received 99 bytes, but the manifest says 100"],
    ["damaged", (bytes: Buffer) => Buffer.from(bytes).fill(0, 50, 51), "digest"],
  ])("refuses a snapshot that arrives %s", async (_how, spoil, message) => {
    const [base] = sample(manifests, 1);
    if (base === undefined) throw new Error("no sample");
    const bytes = Buffer.alloc(100, "snapshot");
    const manifest = { ...base, size: 100, digest: createHash("sha256").update(bytes).digest("hex") };
    const { trainer } = await serve({ trainer: { readSnapshot: async () => ({ manifest, bytes: spoil(bytes) }) } });
    await expect(trainer.readSnapshot(undefined, never)).rejects.toMatchObject({
      code: "data-loss",
      message: expect.stringContaining(message),
    });
  });
});

async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const entry of entries) values.push(entry);
  return values;
}

describe("an evaluator over gRPC", () => {
  test("lists verdicts and quarantines", async () => {
    const logged = <T>(values: readonly T[]) => values.map((value, index) => ({ position: 3 * index + 2, value }));
    const judged = logged(sample(verdicts, 1201));
    const refused = logged(sample(quarantines, 20));
    const pages: Page[] = [];
    const list =
      <T>(entries: readonly Logged<T>[]) =>
      async (page: Page) => {
        pages.push(page);
        return entries.filter(({ position }) => position >= page.from).slice(0, page.limit);
      };
    const { evaluator } = await serve({
      evaluator: { listVerdicts: list(judged), listQuarantines: list(refused) },
    });
    expect(await all(readPages(evaluator.listVerdicts))).toEqual(judged);
    expect(await all(readPages(evaluator.listQuarantines))).toEqual(refused);
    expect(await evaluator.listVerdicts({ from: 9, limit: 2 })).toEqual(judged.slice(3, 5));
    // What a client of version 0.1.0 asks for.
    pages.length = 0;
    expect(await evaluator.listVerdicts({ from: 0, limit: 0 })).toEqual(judged);
    expect(Math.max(...pages.map(({ limit }) => limit))).toBe(500);
  });

  test("of version 0.1.0 lists verdicts without positions, all of them at once", async () => {
    const old = sample(verdicts, 700).map((value) => ({ position: 0, value }));
    expect(await all(readPages(async () => old))).toEqual(old);
  });

  test("streams verdicts from a position, as they come", async () => {
    const { evaluator } = await serve({
      evaluator: {
        async *watchVerdicts(from) {
          for (let position = from; ; position++) yield { position, value: { ...someVerdict, seconds: position } };
        },
      },
    });
    const from = 2 ** 40;
    const seen = await take(evaluator.watchVerdicts(from, never), 2);
    expect(seen).toEqual([
      { position: from, value: { ...someVerdict, seconds: from } },
      { position: from + 1, value: { ...someVerdict, seconds: from + 1 } },
    ]);
  });

  test("gives the matrix of each edge, and its status", async () => {
    const matrix: PipelineMatrix = {
      upstream: "m1",
      downstream: "m2",
      upstreamSerials: [1, 2],
      downstreamSerials: [3],
      cells: [{ upstreamSerial: 2, downstreamSerial: 3, loss: 0.1 }],
    };
    const comparison = {
      kind: "degraded",
      difference: 0.02,
      relative: 0.25,
      interval: [0.01, 0.03],
      level: 0.99,
    } as const;
    const few = { ...comparison, kind: "inconclusive", reason: "too-few-rows", relative: null };
    const compared: PipelineMatrix = {
      ...matrix,
      current: { upstreamSerial: 1, downstreamSerial: 3 },
      cells: [
        { upstreamSerial: 1, downstreamSerial: 3, loss: 0.08 },
        { upstreamSerial: 2, downstreamSerial: 3, loss: 0.1, comparison },
        { upstreamSerial: 3, downstreamSerial: 3, loss: 0.1, comparison: few },
      ],
      intervals: { method: "hall", level: 0.95, compared: 2 },
    };
    const status: EvaluatorStatus = {
      pipeline: "demo",
      evaluator: "e1",
      state: "idle",
      pending: 2,
      rows: 1000,
      current: { m1: 2, m2: 3 },
      loss: null,
      gaps: [
        {
          upstream: "m1",
          downstream: "m2",
          kind: "degraded",
          currentLoss: 0.5,
          gap: 0.25,
          relative: 0.5,
          interval: [0.2, 0.3],
        },
      ],
      unreadable: [],
      pipelineDigest: "a".repeat(64),
      appliedDigest: "b".repeat(64),
      version: "0.1.0",
      heldOut: { generation: 2, startedAt: "2026-01-01T00:00:00.000Z", questions: 7, horizon: null },
      release: 3,
      gate: {
        mode: "enforce",
        questionsLeft: 0,
        held: [
          {
            snapshot: { component: "m1", serial: 4 },
            reasons: ["spent"],
            needs: [],
            since: "2026-01-01T00:00:00.000Z",
          },
        ],
      },
    };
    const { evaluator } = await serve({
      evaluator: {
        matrix: async (options) => [options?.intervals === true ? compared : matrix, matrix],
        status: async () => status,
      },
    });
    expect(await evaluator.matrix()).toEqual([matrix, matrix]);
    expect(await evaluator.matrix({ intervals: true })).toEqual([compared, matrix]);
    expect(await evaluator.status()).toEqual(status);
  });
});
