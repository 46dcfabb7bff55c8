import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { PredictionInputs } from "../../services/pipeline/prediction.ts";
import type { RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, runThat, type TrainerOfTest, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, `trainer-${++worlds}`);
});
afterEach(() => world.close());

const never = new AbortController().signal;
/** Trains until cancelled. */
const endless = "{ model: { hidden: [8] }, batch: 32, steps: 100000000, engine: onnx:cpu }";

const train = async (client: RemoteTrainer, request = {}) => endOf(client, (await client.startRun(request)).id);
const running = async (client: RemoteTrainer) => {
  const { id } = await client.startRun({});
  return runThat(client, id, ({ state, step }) => state === "running" && step > 0);
};

function columns(values: Readonly<Record<string, number>>, rows = 2): PredictionInputs {
  const entries = Object.entries(values).map(([name, width]) => {
    const numbers = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
    return [name, { kind: "numeric", width, values: numbers }] as const;
  });
  return { rows, columns: Object.fromEntries(entries) };
}

describe("a trainer over gRPC", () => {
  test("trains, reports progress, and publishes a snapshot that a consumer trains on", async () => {
    const m1 = await world.trainer("m1");
    const started = await m1.client.startRun({});
    expect(started).toMatchObject({ component: "m1", state: "queued", trigger: "request", steps: 60 });
    const seen: string[] = [];
    for await (const { state } of m1.client.watchRun(started.id, never)) if (seen.at(-1) !== state) seen.push(state);
    expect(["queued", "running", "publishing", "succeeded"].filter((state) => seen.includes(state))).toEqual(seen);
    expect(seen.at(-1)).toBe("succeeded");

    const m2 = await world.trainer("m2");
    const done = await train(m2.client);
    expect(done).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 1 }, step: 60 });
    expect(done.loss).toBeGreaterThan(0);
    const manifest = await world.backplane.registry.manifest("m2", 1);
    expect(manifest).toMatchObject({
      runId: done.id,
      contract: {
        inputs: [
          { name: "x2", width: 5 },
          { name: "z", width: 3 },
        ],
        output: { name: "y", width: 1 },
      },
      provenance: {
        upstream: { m1: 1 },
        engine: "onnx:cpu",
        model: "dense 8-8-1",
        data: { rows: expect.any(Number) },
      },
    });
    expect(manifest.provenance.trainingLoss).toBeGreaterThan(0);
  });

  test("lists its runs, newest first, and returns each by id", async () => {
    const { client } = await world.trainer("m1");
    const first = await train(client);
    const second = await train(client, { protocol: { name: "sync", parameters: {} } });
    const runs = await client.listRuns();
    expect(runs).toEqual([second, first]);
    expect(await client.getRun(first.id)).toEqual(first);
    expect(second).toMatchObject({ snapshot: 2, protocol: { name: "sync" } });
  });

  test.each(["onnx:cpu", "wasm"])("trains with the team file of a request, on its engine %s", async (engine) => {
    const { client } = await world.trainer("m1");
    const teamFile = `component: m1\nmodel: linear\nsteps: 7\nseed: 3\nengine: ${engine}\n`;
    expect(await train(client, { teamFile })).toMatchObject({ state: "succeeded", step: 7 });
    const wanted = { provenance: { model: "linear 10-3", seed: 3, steps: 7, engine } };
    expect(await world.backplane.registry.manifest("m1", 1)).toMatchObject(wanted);
    expect(await train(client)).toMatchObject({ steps: 60 });
  });

  test.each(["onnx:cpu", "wasm"])("the same team file and data produce the same bytes on %s", async (engine) => {
    const { client } = await world.trainer("m1");
    const teamFile = `component: m1\nmodel: { hidden: [8] }\nsteps: 60\nengine: ${engine}\n`;
    await train(client, { teamFile });
    await train(client, { teamFile });
    const [first, second] = await world.backplane.registry.list("m1");
    expect(second?.digest).toBe(first?.digest);
  });

  test("reports its status", async () => {
    const { client } = await world.trainer("m1", { team: endless });
    expect(await client.status()).toEqual({
      pipeline: `trainer-${worlds}`,
      component: "m1",
      engine: "onnx:cpu",
      state: "idle",
      run: null,
      queued: 0,
      queueCapacity: 8,
      newest: null,
      pipelineDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      appliedDigest: null,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      problem: null,
    });
    const { id } = await running(client);
    await client.startRun({});
    expect(await client.status()).toMatchObject({ state: "training", run: id, queued: 1 });
    await client.cancelRun(id);
  });

  test("serves health, metrics, status and cancels while training", async () => {
    const { client, httpPort } = await world.trainer("m1", { team: endless });
    const run = await running(client);
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    expect(metrics).toMatch(/uncouple_run_state\{.*state="running".*\} 1/);
    expect(metrics).toMatch(/uncouple_training_steps_total\{.*\} [1-9]/);
    expect((await fetch(`http://127.0.0.1:${httpPort}/livez`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status).toBe(200);
    const later = await client.getRun(run.id);
    expect(later.state).toBe("running");
    // The training progressed in the meantime.
    expect(later.step).toBeGreaterThan(run.step);
    await client.cancelRun(run.id);
    expect(await endOf(client, run.id)).toMatchObject({ state: "cancelled", snapshot: null });
    expect(await world.backplane.registry.list("m1")).toEqual([]);
  });

  test("rejects runs beyond its capacity, and cancels queued ones", async () => {
    const { client } = await world.trainer("m1", { team: endless, queueCapacity: 2 });
    const { id } = await running(client);
    const waiting = [await client.startRun({}), await client.startRun({})];
    await expect(client.startRun({})).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("the queue of m1 is full: 2 runs waiting"),
    });
    expect(await client.cancelRun(waiting[0]?.id ?? "")).toMatchObject({ state: "cancelled" });
    await client.startRun({});
    for (const run of await client.listRuns()) if (run.id !== id) await client.cancelRun(run.id);
    await client.cancelRun(id);
    expect(await endOf(client, id)).toMatchObject({ state: "cancelled" });
  });

  test("exposes Prometheus metrics of its work", async () => {
    const { client, httpPort } = await world.trainer("m1");
    await train(client);
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    const labels = `service="trainer",pipeline="trainer-${worlds}",component="m1"`;
    expect(metrics).toContain(`uncouple_runs_total{state="succeeded",trigger="request",${labels}} 1`);
    expect(metrics).toContain(`uncouple_training_steps_total{${labels}} 60`);
    expect(metrics).toContain(`uncouple_snapshot_publish_seconds_count{${labels}} 1`);
    expect(metrics).toContain(`uncouple_snapshot_bytes_count{${labels}} 1`);
    expect(metrics).toContain(`uncouple_run_queue_length{${labels}} 0`);
    expect(metrics).toContain(`uncouple_nats_connection_state{state="connected",${labels}} 1`);
    expect(metrics).toMatch(/uncouple_rpc_handled_total\{method="uncouple.v1.Trainer\/StartRun",code="OK"/);
    expect(metrics).toMatch(/^uncouple_training_loss\{.*\} 0\.\d+/m);
  });

  test("reports how far it lags behind its upstream", async () => {
    const m1 = await world.trainer("m1");
    await train(m1.client);
    const m2 = await world.trainer("m2");
    await train(m2.client);
    await train(m1.client);
    for (;;) {
      const metrics = await (await fetch(`http://127.0.0.1:${m2.httpPort}/metrics`)).text();
      if (/uncouple_upstream_lag\{upstream="m1",.*\} 1/.test(metrics)) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
});

describe("snapshots", () => {
  test("are streamed completely, the newest or a given serial, and run in any ONNX runtime", async () => {
    const { client } = await world.trainer("m1");
    await train(client);
    await train(client, { teamFile: "component: m1\nmodel: linear\nsteps: 5\nengine: onnx:cpu\n" });
    const newest = await client.readSnapshot(undefined, never);
    expect(newest.manifest).toEqual(await world.backplane.registry.manifest("m1", 2));
    const first = await client.readSnapshot(1, never);
    expect(first.manifest.serial).toBe(1);
    const session = await InferenceSession.create(first.bytes);
    expect(session.inputNames).toEqual(["x1"]);
    expect(session.outputNames).toEqual(["z"]);
    await session.release();
  });

  test("predict a batch, the newest or a given serial", async () => {
    const m1 = await world.trainer("m1");
    await train(m1.client);
    await train(m1.client, { teamFile: "component: m1\nmodel: linear\nsteps: 5\nengine: onnx:cpu\n" });
    const inputs = columns({ x1: 10 }, 3);
    const newest = await m1.client.predict(inputs);
    expect(newest).toMatchObject({ serial: 2, width: 3 });
    expect(newest.values).toHaveLength(9);
    const first = await m1.client.predict(inputs, 1);
    expect(first.serial).toBe(1);
    expect([...first.values]).not.toEqual([...newest.values]);
    expect(await m1.client.predict(inputs, 2)).toEqual(newest);
  });

  test("predict from upstream outputs supplied by the caller", async () => {
    const m1 = await world.trainer("m1");
    await train(m1.client);
    const m2 = await world.trainer("m2");
    await train(m2.client);
    const prediction = await m2.client.predict(columns({ x2: 5, z: 3, unused: 4 }, 5));
    expect(prediction).toMatchObject({ serial: 1, width: 1 });
    expect(prediction.values.every(Number.isFinite)).toBe(true);
  });
});

describe("an invalid call", () => {
  let m1: TrainerOfTest;
  beforeEach(async () => {
    m1 = await world.trainer("m1");
    await train(m1.client);
  });

  const nans: PredictionInputs = {
    rows: 1,
    columns: { x1: { kind: "numeric", width: 10, values: new Float32Array(10).fill(Number.NaN) } },
  };
  const refusals: readonly (readonly [string, (client: RemoteTrainer) => Promise<unknown>, string, string])[] = [
    ["watching an unknown run", (c) => endOf(c, "nobody"), "not-found", 'm1 has no run "nobody"'],
    ["cancelling an unknown run", (c) => c.cancelRun("nobody"), "not-found", 'no run "nobody"'],
    ["getting an unknown run", (c) => c.getRun(""), "not-found", 'no run ""'],
    [
      "cancelling a run that has published",
      async (c) => c.cancelRun((await c.listRuns())[0]?.id ?? ""),
      "failed-precondition",
      "already succeeded and published m1@1",
    ],
    [
      "an unknown protocol",
      (c) => c.startRun({ protocol: { name: "asink", parameters: {} } }),
      "invalid-argument",
      'unknown protocol "asink"',
    ],
    [
      "a protocol that needs upstream",
      (c) => c.startRun({ protocol: { name: "causal", parameters: {} } }),
      "invalid-argument",
      "requires upstream components, but m1 has none",
    ],
    [
      "a parameter out of range",
      (c) => c.startRun({ protocol: { name: "proximal", parameters: { lambda: -1 } } }),
      "invalid-argument",
      "must be at least 0",
    ],
    [
      "a team file for a different component",
      (c) => c.startRun({ teamFile: "component: m2\nmodel: linear\n" }),
      "invalid-argument",
      "this trainer trains m1, but the file is for m2",
    ],
    ["a team file that is not YAML", (c) => c.startRun({ teamFile: "{" }), "invalid-argument", "invalid YAML"],
    ["an empty team file", (c) => c.startRun({ teamFile: "" }), "invalid-argument", "the file is empty"],
    ["a prediction without an input", (c) => c.predict({ rows: 1, columns: {} }), "invalid-argument", "x1"],
    ["a prediction from an input of the wrong width", (c) => c.predict(columns({ x1: 9 })), "invalid-argument", "x1"],
    [
      "a prediction from text in a numeric column",
      (c) => c.predict({ rows: 1, columns: { x1: { kind: "categorical", values: ["a"] } } }),
      "invalid-argument",
      "x1",
    ],
    ["a prediction from NaN", (c) => c.predict(nans), "invalid-argument", "row 1 is NaN"],
    ["a prediction of no rows", (c) => c.predict(columns({ x1: 10 }, 0)), "invalid-argument", "at least one row"],
    [
      "a prediction too large for a message",
      (c) => c.predict(columns({ x1: 10 }, 500_000)),
      "resource-exhausted",
      "maxMessageBytes",
    ],
    ["a prediction of an unknown snapshot", (c) => c.predict(columns({ x1: 10 }), 9), "not-found", "m1@9"],
    ["an unknown snapshot", (c) => c.readSnapshot(9, never), "not-found", "no snapshot m1@9: its newest is 1"],
  ];
  test("is rejected with a reason and has no side effects", async () => {
    for (const [what, call, code, text] of refusals) {
      await expect(call(m1.client), what).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
    }
    expect(await m1.client.status()).toMatchObject({ state: "idle", queued: 0, newest: 1 });
    expect(await train(m1.client)).toMatchObject({ state: "succeeded", snapshot: 2 });
  });

  test("fails if the component has no snapshot", async () => {
    const { client } = await world.trainer("m2");
    for (const call of [client.predict(columns({ x2: 5, z: 3 })), client.readSnapshot(undefined, never)]) {
      await expect(call).rejects.toMatchObject({ code: "not-found", message: "m2 has not published a snapshot yet" });
    }
  });
});

describe("a trainer that cannot start", () => {
  test("reports every problem of every file", async () => {
    const teamFile = join(world.dir, "bad.yaml");
    await writeFile(teamFile, "component: m2\nmodel: { hidden: [0] }\nsteps: -1\n");
    await expect(world.trainer("m2", { teamFiles: [teamFile] })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/bad\.yaml:2: model\.hidden\[0\][\s\S]*bad\.yaml:3: steps/),
    });
    await expect(world.trainer("m2", { pipelineFile: "/nowhere.yaml" })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("/nowhere.yaml"),
    });
  });

  test("names a column that the data does not have", async () => {
    const text = await readFile(world.pipelineFile, "utf8");
    const pipelineFile = join(world.dir, "other.yaml");
    await writeFile(pipelineFile, text.replace("columns: [x2]", "columns: [x9]"));
    await expect(world.trainer("m2", { pipelineFile })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringContaining('no column "x9"'),
    });
  });

  test("names the other trainer that uses its state folder", async () => {
    await world.trainer("m1");
    await expect(world.trainer("m1")).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining(`process ${process.pid} on `),
    });
    await world.trainer("m2");
  });

  test("names the port that is in use, and releases everything", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    await expect(world.trainer("m1", { grpcPort: port })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await new Promise((resolve) => taken.close(resolve));
    const { client } = await world.trainer("m1", { grpcPort: port });
    expect(await train(client)).toMatchObject({ state: "succeeded" });
  });

  test("names the column with too many bad rows", async () => {
    const csv = join(world.dir, "rows.csv");
    const rows = Array.from({ length: 200 }, (_, i) => `${i % 4 === 0 ? "n/a" : i},${i}`);
    await writeFile(csv, `x,y\n${rows.join("\n")}\n`);
    const pipelineFile = join(world.dir, "file.yaml");
    await writeFile(
      pipelineFile,
      `pipeline: bad-rows
data: { source: file, path: rows.csv, query: "SELECT TRY_CAST(x AS DOUBLE) AS x, y FROM source" }
components:
  m1: { columns: [x], output: { name: z, width: 1, meaning: scalar }, target: y, loss: mse }
`,
    );
    await expect(world.trainer("m1", { pipelineFile })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(/x/),
    });
  });
});
