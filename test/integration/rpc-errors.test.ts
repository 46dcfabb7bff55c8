import { createHash } from "node:crypto";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type ErrorCode, UncoupleError } from "../../services/common/errors.ts";
import type { PredictionInputs } from "../../services/pipeline/prediction.ts";
import { connectTrainer } from "../../services/rpc/client/trainer-client.ts";
import { loadProtos } from "../../services/rpc/loader.ts";
import { addEvaluatorService } from "../../services/rpc/server/evaluator-server.ts";
import { createRpcServer } from "../../services/rpc/server/server.ts";
import { errorCodes, manifests } from "../helpers/arbitraries.ts";
import { fakeEvaluator, someRun } from "../helpers/fake-services.ts";
import { recordingLog, silentLog } from "../helpers/log.ts";
import { serve } from "../helpers/rpc.ts";
import { take } from "../helpers/take.ts";

const never = new AbortController().signal;
const numbers = (rows: number): PredictionInputs => ({
  rows,
  columns: { x: { kind: "numeric", width: 1, values: new Float32Array(rows) } },
});

/** The bare status that any gRPC client sees. */
function rawGetRun(address: string): Promise<ServiceError> {
  const client = new Client(address, credentials.createInsecure());
  const { GetRun } = loadProtos().Trainer.service;
  return new Promise((resolve, reject) => {
    const request = { id: "r1" };
    const { path, requestSerialize, responseDeserialize } = GetRun;
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), (error) => {
      client.close();
      if (error === null) reject(new Error("it was answered"));
      else resolve(error);
    });
  });
}

describe("errors", () => {
  const wire: Readonly<Record<ErrorCode, readonly [status, string]>> = {
    "invalid-argument": [status.INVALID_ARGUMENT, "INVALID_ARGUMENT"],
    "not-found": [status.NOT_FOUND, "NOT_FOUND"],
    conflict: [status.ABORTED, "CONFLICT"],
    "failed-precondition": [status.FAILED_PRECONDITION, "FAILED_PRECONDITION"],
    "resource-exhausted": [status.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"],
    cancelled: [status.CANCELLED, "CANCELLED"],
    "deadline-exceeded": [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"],
    unavailable: [status.UNAVAILABLE, "UNAVAILABLE"],
    "data-loss": [status.DATA_LOSS, "DATA_LOSS"],
    deleted: [status.NOT_FOUND, "DELETED"],
    unauthenticated: [status.UNAUTHENTICATED, "UNAUTHENTICATED"],
    internal: [status.INTERNAL, "INTERNAL"],
  };

  test.each(errorCodes)(
    "%s crosses unary calls and streams with its code, message, status and reason",
    async (code) => {
      const message = `run "r1" is ${code}: 100 % größer\nsecond line`;
      const { trainer, address } = await serve({
        trainer: {
          getRun: async () => {
            throw new UncoupleError(code, message);
          },
          async *watchRun() {
            yield someRun;
            throw new UncoupleError(code, message);
          },
        },
      });
      await expect(trainer.getRun("r1")).rejects.toEqual(new UncoupleError(code, message));
      await expect(trainer.getRun("r1")).rejects.toMatchObject({ code });
      await expect(take(trainer.watchRun("r1", never), 5)).rejects.toMatchObject({ code, message });
      const raw = await rawGetRun(address);
      expect([raw.code, raw.details, raw.metadata.get("uncouple-reason")]).toEqual([
        wire[code][0],
        message,
        [wire[code][1]],
      ]);
    },
  );

  test("what nobody foresaw is internal, and the server logs it with its stack", async () => {
    const { log, records } = recordingLog();
    const { trainer } = await serve(
      {
        trainer: {
          getRun: () => {
            throw new TypeError("undefined is not a run");
          },
        },
      },
      { log },
    );
    await expect(trainer.getRun("r1")).rejects.toMatchObject({ code: "internal", message: "undefined is not a run" });
    const [logged] = records.filter((record) => record.level === "error");
    expect(logged).toMatchObject({ method: "/uncouple.v1.Trainer/GetRun", message: "a call failed by a defect" });
    expect(JSON.stringify(logged)).toContain("TypeError: undefined is not a run");
  });

  test("a message too long for a header arrives cut short, with its code", async () => {
    const { trainer } = await serve({
      trainer: {
        startRun: async () => {
          throw new UncoupleError("invalid-argument", `team.yaml:1: ${"ü💥".repeat(50_000)}`);
        },
      },
    });
    await expect(trainer.startRun({})).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/^team\.yaml:1: ü💥ü💥.*\(cut short\)$/s),
    });
  });

  test("a value that does not fit its field is a defect, not another value", async () => {
    const { trainer } = await serve({ trainer: { getRun: async () => ({ ...someRun, step: 2 ** 32 }) } });
    await expect(trainer.getRun("r1")).rejects.toMatchObject({
      code: "internal",
      message: "step does not fit its field: 4294967296",
    });
  });

  test("a server that is not there is unavailable, by its address", async () => {
    const { trainer, server, address } = await serve({});
    await server.stop(0);
    await expect(trainer.startRun({})).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`cannot reach ${address}`),
    });
  });

  test("a call that takes too long ends with the name of the limit", async () => {
    const { trainer, address } = await serve(
      { trainer: { startRun: () => new Promise<never>(() => {}), listRuns: () => new Promise<never>(() => {}) } },
      {},
      { deadlineSeconds: 0.2 },
    );
    await expect(trainer.startRun({})).rejects.toMatchObject({
      code: "deadline-exceeded",
      message: `no answer from ${address} within deadlineSeconds = 0.2`,
    });
    await expect(trainer.listRuns()).rejects.toMatchObject({
      code: "deadline-exceeded",
      message: `no progress from ${address} within deadlineSeconds = 0.2`,
    });
  });

  test("reads are repeated while the server is unavailable, and starting a run is not", async () => {
    let reads = 0;
    let starts = 0;
    const { trainer } = await serve({
      trainer: {
        getRun: async () => {
          if (++reads < 3) throw new UncoupleError("unavailable", "not yet");
          return someRun;
        },
        startRun: async () => {
          starts++;
          throw new UncoupleError("unavailable", "no");
        },
      },
    });
    expect(await trainer.getRun("r1")).toEqual(someRun);
    expect(reads).toBe(3);
    await expect(trainer.startRun({})).rejects.toMatchObject({ code: "unavailable" });
    expect(starts).toBe(1);
  });

  test.each(["localhost", "", "localhost:", "localhost:port"])("the address %j is refused", (address) => {
    expect(() => connectTrainer(address, { clock: systemClock })).toThrow("is not host:port");
  });

  test("a server of another kind is named as such", async () => {
    const { address, server } = await serve({});
    await server.stop(0);
    const other = createRpcServer({
      clock: systemClock,
      host: "127.0.0.1",
      port: Number(address.split(":")[1]),
      log: silentLog,
    });
    addEvaluatorService(other, fakeEvaluator({}));
    await other.start();
    const client = connectTrainer(address, { clock: systemClock });
    await expect(client.startRun({})).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("is it the right service"),
    });
    client.close();
    await other.stop(0);
  });

  test("a port that is taken is a typed error that names it", async () => {
    const { address } = await serve({});
    const port = Number(address.split(":")[1]);
    await expect(serve({}, { port })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(address),
    });
  });
});

describe("messages that are too large", () => {
  test("are refused before they are sent, with the setting and a size that fits", async () => {
    const { trainer } = await serve({}, {}, { maxMessageBytes: 100_000 });
    await expect(trainer.predict(numbers(100_000))).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringMatching(
        /^the request for 100000 rows takes 400\d+ bytes, above maxMessageBytes = 100000; send about 2\d{4} rows/,
      ),
    });
  });

  test("are refused by a server with a lower limit", async () => {
    const { trainer } = await serve({}, { maxMessageBytes: 100_000 });
    await expect(trainer.predict(numbers(100_000))).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("too large: Received message larger than max"),
    });
  });

  test("are refused as answers, with the setting and a size that fits", async () => {
    const wide = { serial: 1, width: 1000, values: new Float32Array(1000 * 1000) };
    const { trainer } = await serve({ trainer: { predict: async () => wide } }, { maxMessageBytes: 100_000 });
    await expect(trainer.predict(numbers(1000))).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringMatching(
        /^the prediction for 1000 rows takes .* above maxMessageBytes = 100000; send about 24 rows/,
      ),
    });
  });

  test("are refused as answers by a client with a lower limit", async () => {
    const wide = { serial: 1, width: 1000, values: new Float32Array(1000 * 1000) };
    const { trainer } = await serve({ trainer: { predict: async () => wide } }, {}, { maxMessageBytes: 100_000 });
    await expect(trainer.predict(numbers(1000))).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("maxMessageBytes is 100000 here"),
    });
  });

  test("are no matter for a model, whatever its size", async () => {
    const [base] = fc.sample(manifests, { numRuns: 1, seed: 1 });
    if (base === undefined) throw new Error("no sample");
    const bytes = Buffer.alloc(40 * 2 ** 20, "m");
    const manifest = { ...base, size: bytes.length, digest: createHash("sha256").update(bytes).digest("hex") };
    const { trainer } = await serve({ trainer: { readSnapshot: async () => ({ manifest, bytes }) } });
    expect((await trainer.readSnapshot(1, never)).bytes.byteLength).toBe(bytes.length);
  });
});

describe("bad predict messages", () => {
  const { Predict } = loadProtos().Trainer.service;
  const send = (address: string, request: Parameters<typeof Predict.requestSerialize>[0]) =>
    new Promise<ServiceError | null>((resolve) => {
      const client = new Client(address, credentials.createInsecure());
      const { path, requestSerialize, responseDeserialize } = Predict;
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), (error) => {
        client.close();
        resolve(error);
      });
    });

  test.each([
    [
      "too few bytes",
      { rows: 2, columns: [{ name: "x", numeric: { width: 1, values: Buffer.alloc(7) } }] },
      "column x: 7 bytes where 2 float32 (8 bytes) must be",
    ],
    [
      "width 0",
      { rows: 2, columns: [{ name: "x", numeric: { width: 0, values: Buffer.alloc(0) } }] },
      "column x: width 0",
    ],
    [
      "too many texts",
      { rows: 1, columns: [{ name: "x", categorical: { values: ["a", "b"] } }] },
      "column x: 2 texts where 1 rows must be",
    ],
    ["no values", { rows: 1, columns: [{ name: "x" }] }, "column x: neither numeric nor categorical values"],
    [
      "a column twice",
      {
        rows: 0,
        columns: [
          { name: "x", categorical: {} },
          { name: "x", categorical: {} },
        ],
      },
      "column x: appears twice",
    ],
  ])("with %s are refused by name before the trainer sees them", async (_what, request, message) => {
    const { address } = await serve({});
    expect(await send(address, request)).toMatchObject({ code: status.INVALID_ARGUMENT, details: message });
  });

  test("are refused by the client too", async () => {
    const { trainer } = await serve({});
    const inputs: PredictionInputs = { rows: 3, columns: { c: { kind: "categorical", values: ["a"] } } };
    await expect(trainer.predict(inputs)).rejects.toMatchObject({
      code: "invalid-argument",
      message: "column c: 1 values where 3 rows need 3",
    });
  });
});
