import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Client, credentials, makeGenericClientConstructor, type ServiceDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { service as healthService } from "grpc-health-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { FinishedCall } from "../../services/common/finished-call.ts";
import type { Run } from "../../services/pipeline/run.ts";
import { addEvaluatorService } from "../../services/rpc/server/evaluator-server.ts";
import { createRpcServer } from "../../services/rpc/server/server.ts";
import { createMetrics } from "../../services/runtime/metrics.ts";
import { rpcMetrics } from "../../services/runtime/rpc-metrics.ts";
import { fakeEvaluator, someRun, someVerdict } from "../helpers/fake-services.ts";
import { silentLog } from "../helpers/log.ts";
import { serve } from "../helpers/rpc.ts";
import { take } from "../helpers/take.ts";

const never = new AbortController().signal;
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

/** A client of a service that is not ours, as any tool would make it. */
function foreign(address: string, definition: ServiceDefinition) {
  const client = new (makeGenericClientConstructor(definition, "Foreign"))(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

async function healthOf(address: string, service: string): Promise<string> {
  const client = foreign(address, healthService);
  return new Promise((resolve) => {
    const answer = (error: Error | null, response?: { status: string }) =>
      resolve(error === null ? (response?.status ?? "") : `error: ${error.message}`);
    (client.check as (request: object, callback: typeof answer) => void).call(client, { service }, answer);
  });
}

describe("streams", () => {
  test("end without an error when the watcher aborts, and the service learns of it", async () => {
    let served: AbortSignal | undefined;
    const { trainer } = await serve({
      trainer: {
        async *watchRun(_id, signal) {
          served = signal;
          yield someRun;
          await aborted(signal);
        },
      },
    });
    const abort = new AbortController();
    const seen: Run[] = [];
    for await (const run of trainer.watchRun("r1", abort.signal)) {
      seen.push(run);
      abort.abort();
    }
    expect(seen).toEqual([someRun]);
    await vi.waitFor(() => expect(served?.aborted).toBe(true));
    expect(await take(trainer.watchRun("r1", abort.signal), 1)).toEqual([]);
  });

  test("end on the server when the reader stops reading", async () => {
    let finished = false;
    const { evaluator } = await serve({
      evaluator: {
        async *watchVerdicts(_from, signal) {
          try {
            for (let position = 1; !signal.aborted; position++) yield { position, value: someVerdict };
          } finally {
            finished = true;
          }
        },
      },
    });
    await take(evaluator.watchVerdicts(0, never), 3);
    await vi.waitFor(() => expect(finished).toBe(true));
  });

  test("keep nothing of what they have sent", async () => {
    const value = { ...someVerdict, evaluator: "x".repeat(100_000) };
    const { evaluator } = await serve({
      evaluator: {
        async *watchVerdicts(_from, signal) {
          for (let position = 1; !signal.aborted; position++) yield { position, value };
        },
      },
    });
    const heapBytes: number[] = [];
    let read = 0;
    for await (const _verdict of evaluator.watchVerdicts(0, never)) {
      if (++read % 50 !== 0) continue;
      collectGarbage();
      heapBytes.push(process.memoryUsage().heapUsed);
      if (heapBytes.length === 3) break;
    }
    // 100 messages of 100 KB passed between the first look and the last.
    expect((heapBytes[2] ?? Number.NaN) - (heapBytes[0] ?? 0)).toBeLessThan(4e6);
  });

  test("cancel a snapshot in mid-transfer", async () => {
    const { trainer } = await serve({
      trainer: { readSnapshot: (_serial, signal) => aborted(signal).then(() => Promise.reject(signal.reason)) },
    });
    const abort = new AbortController();
    const reading = trainer.readSnapshot(1, abort.signal);
    setTimeout(() => abort.abort(), 20);
    await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  });

  test("produce no faster than a slow reader reads", async () => {
    const large = { ...someVerdict, evaluator: "x".repeat(100_000) };
    let produced = 0;
    const { evaluator } = await serve({
      evaluator: {
        async *watchVerdicts(_from, signal) {
          for (let position = 1; !signal.aborted; position++) {
            produced = position;
            yield { position, value: large };
            // Others get their turn, so that only backpressure can hold this up.
            await new Promise((resolve) => setImmediate(resolve));
          }
        },
      },
    });
    let read = 0;
    let most = 0;
    for await (const _verdict of evaluator.watchVerdicts(0, never)) {
      read++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      most = Math.max(most, produced - read);
      if (read === 20) break;
    }
    // Without backpressure thousands would be waiting; with it, what the buffers of both sides hold.
    expect(most).toBeLessThan(100);
    const atEnd = produced;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(produced - atEnd).toBeLessThan(100);
  });
});

describe("stopping a server", () => {
  test("tells health first, ends watchers as unavailable, and lets calls finish", async () => {
    let release = () => {};
    const { server, trainer, address } = await serve({
      trainer: {
        async *watchRun(_id, signal) {
          yield someRun;
          await aborted(signal);
        },
        startRun: () => new Promise((resolve) => (release = () => resolve(someRun))),
      },
    });
    expect(await healthOf(address, "uncouple.v1.Trainer")).toBe("SERVING");
    const watching = take(trainer.watchRun("r1", never), 9);
    const starting = trainer.startRun({});
    await vi.waitFor(() => expect(server.context.active()).toBe(2));
    const health: string[] = [];
    const client = foreign(address, healthService);
    const watch = (client.watch as (request: object) => NodeJS.EventEmitter).call(client, { service: "" });
    watch.on("data", (data: { status: string }) => health.push(data.status));
    watch.on("error", () => {});
    await once(watch, "data");
    const stopped = server.stop(30);
    await expect(watching).rejects.toMatchObject({ code: "unavailable", message: "the server is stopping" });
    await vi.waitFor(() => expect(health).toEqual(["SERVING", "NOT_SERVING"]));
    release();
    expect(await starting).toEqual(someRun);
    await stopped;
    await expect(trainer.startRun({})).rejects.toMatchObject({ code: "unavailable" });
  });

  test("cuts what is not finished after the grace time, although the service does not heed its signal", async () => {
    const { server, trainer } = await serve({
      trainer: {
        startRun: () => new Promise<never>(() => {}),
        async *watchRun() {
          yield someRun;
          await new Promise<never>(() => {});
        },
      },
    });
    const starting = trainer.startRun({}).catch((thrown: unknown) => thrown);
    const watching = take(trainer.watchRun("r1", never), 9).catch((thrown: unknown) => thrown);
    await vi.waitFor(() => expect(server.context.active()).toBe(2));
    await server.stop(0.05);
    expect(await starting).toMatchObject({ code: expect.stringMatching(/unavailable|cancelled/) });
    expect(await watching).toMatchObject({ code: "unavailable", message: "the server is stopping" });
  });

  test("is safe to ask for again, and before the start", async () => {
    const { server } = await serve({});
    expect(server.stop(1)).toBe(server.stop(1));
    await server.stop(1);
  });
});

describe("the standard services", () => {
  test("health follows what the service says of itself, and knows each service by name", async () => {
    const { server, address } = await serve({});
    expect(await healthOf(address, "")).toBe("SERVING");
    expect(await healthOf(address, "uncouple.v1.Evaluator")).toBe("SERVING");
    server.setServing(false);
    expect(await healthOf(address, "")).toBe("NOT_SERVING");
    expect(await healthOf(address, "uncouple.v1.Trainer")).toBe("NOT_SERVING");
    server.setServing(true);
    expect(await healthOf(address, "uncouple.v1.Trainer")).toBe("SERVING");
    expect(await healthOf(address, "uncouple.v1.Nobody")).toContain("NOT_FOUND");
  });

  test.each(["v1", "v1alpha"])(
    "reflection (%s) lists the services that are offered, and describes health, too",
    async (version) => {
      const server = createRpcServer({ clock: systemClock, host: "127.0.0.1", port: 0, log: silentLog });
      addEvaluatorService(server, fakeEvaluator({}));
      const address = `127.0.0.1:${await server.start()}`;
      onTestFinished(() => server.stop(0));
      const folder = join(import.meta.dirname, "../../node_modules/@grpc/reflection/build/proto");
      const definition = loadSync(`grpc/reflection/${version}/reflection.proto`, { includeDirs: [folder] });
      const reflection = definition[`grpc.reflection.${version}.ServerReflection`] as ServiceDefinition;
      const client = foreign(address, reflection);
      const call = (
        client.ServerReflectionInfo as () => NodeJS.EventEmitter & { write(message: object): void; end(): void }
      ).call(client);
      call.on("error", () => {});
      call.write({ listServices: "" });
      const [answer] = (await once(call, "data")) as [{ listServicesResponse: { service: { name: string }[] } }];
      expect(answer.listServicesResponse.service.map(({ name }) => name).sort()).toEqual([
        "grpc.health.v1.Health",
        "uncouple.v1.Evaluator",
      ]);
      call.write({ fileContainingSymbol: "grpc.health.v1.Health" });
      const [health] = (await once(call, "data")) as [{ fileDescriptorResponse?: object }];
      call.end();
      expect(health.fileDescriptorResponse).toBeDefined();
    },
  );
});

describe("metrics of calls", () => {
  test("count each call once by method and code, unknown methods not at all", async () => {
    const metrics = createMetrics({ service: "trainer", version: "0.0.0" });
    const calls: FinishedCall[] = [];
    const observe = rpcMetrics(metrics);
    const onCall = (call: FinishedCall) => {
      calls.push(call);
      observe(call);
    };
    const { trainer, address } = await serve(
      {
        trainer: {
          getRun: async (id) => ({ ...someRun, id }),
          async *watchRun(_id, signal) {
            yield someRun;
            await aborted(signal);
          },
        },
      },
      { onCall },
    );
    await trainer.getRun("r1");
    await trainer.getRun("r2");
    await expect(trainer.startRun({})).rejects.toThrow("not part of this test");
    await take(trainer.watchRun("r1", never), 1);
    const client = new Client(address, credentials.createInsecure());
    await new Promise<void>((resolve) => {
      const raw = (bytes: Buffer) => bytes;
      client.makeUnaryRequest("/uncouple.v1.Trainer/Guess", raw, raw, Buffer.alloc(0), () => resolve());
    });
    client.close();
    await healthOf(address, "");
    await vi.waitFor(() => expect(calls).toHaveLength(4));
    const text = await metrics.text();
    const counted = text.split("\n").filter((line) => line.startsWith("uncouple_rpc_handled_total{"));
    expect(counted).toEqual([
      'uncouple_rpc_handled_total{method="uncouple.v1.Trainer/GetRun",code="OK",service="trainer"} 2',
      'uncouple_rpc_handled_total{method="uncouple.v1.Trainer/StartRun",code="FAILED_PRECONDITION",service="trainer"} 1',
      'uncouple_rpc_handled_total{method="uncouple.v1.Trainer/WatchRun",code="CANCELLED",service="trainer"} 1',
    ]);
    expect(text).toMatch(/uncouple_rpc_duration_seconds_count\{[^}]*GetRun[^}]*\} 2/);
    expect(text).not.toMatch(/uncouple_rpc_duration_seconds_count\{[^}]*WatchRun/);
  });

  test("have the code that the caller saw, also where no handler gave it", async () => {
    const calls: FinishedCall[] = [];
    const slow = { getRun: () => new Promise<never>(() => {}), startRun: async () => someRun };
    const { address } = await serve({ trainer: slow }, { onCall: (call) => calls.push(call), maxMessageBytes: 1000 });
    const client = new Client(address, credentials.createInsecure());
    onTestFinished(() => client.close());
    const raw = (bytes: Buffer) => bytes;
    const codeOf = (method: string, request: Buffer, deadline = Date.now() + 10_000) =>
      new Promise<string>((resolve) => {
        client.makeUnaryRequest(`/uncouple.v1.Trainer/${method}`, raw, raw, request, { deadline }, (error) =>
          resolve(status[error?.code ?? status.OK]),
        );
      });
    const seen = [
      await codeOf("StartRun", Buffer.alloc(2000)),
      await codeOf("StartRun", Buffer.from([0xff])),
      await codeOf("GetRun", Buffer.alloc(0), Date.now() + 1000),
    ];
    expect(seen).toEqual(["RESOURCE_EXHAUSTED", "INTERNAL", "DEADLINE_EXCEEDED"]);
    await vi.waitFor(() => expect(calls.map(({ code }) => code)).toEqual(seen));
  });
});

describe("TLS", () => {
  const pem = (name: string) => readFileSync(join(import.meta.dirname, "../helpers/tls", name));
  const server = { certificate: pem("server.pem"), key: pem("server.key") };
  const offered = { trainer: { getRun: async () => someRun, startRun: async () => someRun } };

  test("serves who trusts its certificate", async () => {
    const { trainer } = await serve(offered, { tls: server }, { tls: { ca: pem("ca.pem") } });
    expect(await trainer.getRun("r1")).toEqual(someRun);
  });

  test("with a client CA, serves only clients with a certificate of it", async () => {
    const tls = { ...server, clientCa: pem("ca.pem") };
    const known = await serve(
      offered,
      { tls },
      { tls: { ca: pem("ca.pem"), certificate: pem("client.pem"), key: pem("client.key") } },
    );
    expect(await known.trainer.getRun("r1")).toEqual(someRun);
    const stranger = await serve(offered, { tls }, { tls: { ca: pem("ca.pem") } });
    await expect(stranger.trainer.startRun({})).rejects.toMatchObject({ code: "unavailable" });
    const plain = await serve(offered, { tls });
    await expect(plain.trainer.startRun({})).rejects.toMatchObject({ code: "unavailable" });
  });
});

test("promtool finds nothing to complain of in the project's own metrics", async (context) => {
  if (spawnSync("promtool", ["--version"]).error !== undefined) {
    context.skip("promtool (Debian's package prometheus) is not installed");
  }
  const metrics = createMetrics({ service: "trainer", pipeline: "demo", component: "m2", version: "0.0.0" });
  rpcMetrics(metrics)({ method: "uncouple.v1.Trainer/GetRun", code: "OK", stream: false, seconds: 0.01 });
  metrics.states({ name: "uncouple_nats_state", help: "Connection.", states: ["up", "down"], read: () => "up" });
  const own = (await metrics.text())
    .split("\n\n")
    .filter((family) => family.startsWith("# HELP uncouple_"))
    .join("\n");
  expect(own).toContain("uncouple_rpc_duration_seconds_bucket");
  const checked = spawnSync("promtool", ["check", "metrics"], { input: `${own}\n`, encoding: "utf8" });
  expect({ status: checked.status, said: checked.stdout + checked.stderr }).toEqual({ status: 0, said: "" });
});
