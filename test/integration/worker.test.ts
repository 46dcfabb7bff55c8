import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { UncoupleError } from "../../services/common/errors.ts";
import type { PackedState } from "../../services/engine/interface/packed-state.ts";
import type { Unit } from "../../services/learning/units/unit.ts";
import type { JoinRefusal } from "../../services/rpc/services/coordinator-service.ts";
import { type FakeCoordinator, fakeCoordinator, type UnitOutcome } from "../helpers/fake-coordinator.ts";
import { freePort } from "../helpers/free-port.ts";
import { openTestSpace, runTestWorker } from "../helpers/run-test-worker.ts";
import { serveCoordinator } from "../helpers/serve-coordinator.ts";
import { runHere, type ShippedJob, tinyJob } from "../helpers/tiny-job.ts";

const SHORT: Unit = { slot: 0, first: 0, count: 20 };
/** Minutes of computing: it ends only if it is given up. */
const ENDLESS: Unit = { slot: 0, first: 0, count: 20_000_000 };
const soon = { timeout: 10_000, interval: 10 };

let job: ShippedJob;
let endless: ShippedJob;

beforeAll(async () => {
  job = await tinyJob();
  endless = await tinyJob({ steps: ENDLESS.count });
});

const summary = ({ result, bytes }: UnitOutcome) =>
  "error" in result.outcome
    ? result.outcome
    : { digest: result.outcome.digest, size: bytes.length, losses: result.outcome.losses };
const expected = ({ state, losses }: { state: PackedState; losses: Float32Array }) => ({
  digest: state.digest,
  size: state.bytes.byteLength,
  losses,
});

/** Waits until the first lease has everything that it needs, and computes. */
async function computing(fake: FakeCoordinator): Promise<void> {
  const bytes = [...endless.blobs, endless.initial].reduce((sum, blob) => sum + blob.bytes.byteLength, 0);
  await vi.waitFor(() => expect(fake.leases[0]?.work.at(-1) ?? 0).toBeGreaterThan(bytes), soon);
}

/** A coordinator that is served, and a worker of it. */
async function start(
  coordinator: Parameters<typeof fakeCoordinator>[0] = {},
  worker: Parameters<typeof runTestWorker>[1] = {},
  openSpace?: Parameters<typeof runTestWorker>[2],
) {
  const fake = fakeCoordinator(coordinator);
  const { server, port } = await serveCoordinator(fake);
  return { fake, server, port, worker: await runTestWorker(port, worker, openSpace) };
}

describe("a worker", () => {
  test.each(["wasm", "onnx:cpu"] as const)("gives the bits of the trainer's own execution on %s", async (engine) => {
    const { fake } = await start();
    for (const unit of [SHORT, { slot: 3, first: 20, count: 7 }]) {
      const outcome = await fake.offer(job, unit, engine);
      expect(summary(outcome)).toEqual(expected(await runHere(job, unit, job.initial, engine)));
    }
    await vi.waitFor(() => expect(fake.fates.map(({ fate }) => fate)).toEqual(["applied", "applied"]));
    // Program, two columns and the state, once for both units: cached, although two sessions needed them.
    expect(fake.fetched).toHaveLength(4);
  });

  test("keeps columns beyond their share of its memory in files, and gives the same bits", async () => {
    const root = await mkdtemp(join(tmpdir(), "uncouple-worker-spill-"));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    const { fake, worker } = await start({}, { memoryLimit: 4000 }, (tableBytes) => openTestSpace(tableBytes, root));
    const large = await tinyJob({ rows: 5000 });
    // On the same columns, as another trial of a study.
    const another = await tinyJob({ rows: 5000, seed: 8 });
    for (const [of, unit] of [
      [large, SHORT],
      [large, { slot: 3, first: 20, count: 7 }],
      [another, SHORT],
    ] as const) {
      expect(summary(await fake.offer(of, unit))).toEqual(expected(await runHere(of, unit, of.initial)));
      const [folder = "", ...others] = await readdir(root);
      // All columns side by side, in one file.
      expect([await readdir(join(root, folder)), others]).toEqual([[expect.any(String)], []]);
    }
    const columns = Object.values(large.job.columns);
    expect(fake.fetched.filter((digest) => columns.includes(digest))).toEqual(columns);
    await worker.stop();
    expect(await readdir(root)).toEqual([]);
  });

  test("leaves nothing of a column that breaks off on its way to a file, and begins again", async () => {
    const root = await mkdtemp(join(tmpdir(), "uncouple-worker-spill-"));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    const { fake } = await start({}, { memoryLimit: 4000 }, (tableBytes) => openTestSpace(tableBytes, root));
    const large = await tinyJob({ rows: 5000 });
    const columns = Object.values(large.job.columns);
    const { fetch } = fake;
    let broken = 0;
    fake.fetch = async (worker, digest) => {
      const bytes = (await fetch(worker, digest)) as Uint8Array;
      // The second of two columns: the first one is in its file.
      if (digest !== columns[1] || broken++ > 0) return bytes;
      async function* chunks() {
        yield bytes.subarray(0, 1000);
        throw new UncoupleError("unavailable", "the disk of the trainer is busy");
      }
      return { size: bytes.byteLength, chunks };
    };
    expect(summary(await fake.offer(large, SHORT))).toEqual(expected(await runHere(large, SHORT, large.initial)));
    expect(broken).toBeGreaterThan(1);
    expect(await readdir(root)).toHaveLength(1);
  });

  test("introduces itself with what it is meant for and what it can run", async () => {
    const { fake } = await start({}, { component: "m1", pipeline: "paper", threads: 3 });
    await vi.waitFor(() => expect(fake.present()).toBe(1), soon);
    expect(fake.joins).toEqual([
      {
        component: "m1",
        pipeline: "paper",
        name: "n1",
        host: "h1",
        pid: 7,
        codeVersion: expect.stringMatching(/^\d+\.\d+\.\d+/),
        engines: [
          { engine: "wasm", numerics: "wasm" },
          { engine: "onnx:cpu", numerics: expect.stringMatching(/^onnx:cpu\//) },
        ],
        parallel: 3,
      },
    ]);
  });

  test("continues from its own state without fetching it", async () => {
    const { fake } = await start();
    const first = await fake.offer(job, SHORT);
    const state = { digest: (summary(first) as { digest: string }).digest, bytes: first.bytes };
    const next = { slot: 0, first: 20, count: 20 };
    expect(summary(await fake.offer(job, next, "wasm", state))).toEqual(expected(await runHere(job, next, state)));
    expect(fake.fetched).not.toContain(state.digest);
  });

  test("runs as many units at a time as it has threads, and each digest is fetched once", async () => {
    const { fake } = await start({ pollMs: 50 }, { threads: 2 });
    for (const slot of [0, 1, 2]) void fake.offer(endless, { ...ENDLESS, slot });
    await vi.waitFor(() => expect(fake.leases.filter(({ work }) => (work.at(-1) ?? 0) > 0)).toHaveLength(2), soon);
    const beats = fake.beats();
    await vi.waitFor(() => expect(fake.beats()).toBeGreaterThan(beats + 3), soon);
    expect(fake.leases).toHaveLength(2);
    expect(new Set(fake.fetched).size).toBe(fake.fetched.length);
    // One place is free again.
    fake.abandon("l1");
    await vi.waitFor(() => expect(fake.leases).toHaveLength(3), soon);
  });

  test("runs no unit beside one on onnx:cpu, which takes all processors", async () => {
    const { fake } = await start({ pollMs: 50 }, { threads: 4 });
    void fake.offer(endless, ENDLESS, "onnx:cpu");
    void fake.offer(endless, { ...ENDLESS, slot: 1 }, "onnx:cpu");
    await computing(fake);
    const beats = fake.beats();
    await vi.waitFor(() => expect(fake.beats()).toBeGreaterThan(beats + 3), soon);
    expect(fake.leases).toHaveLength(1);
  });

  test("shows growing work in its beats, and abandons a unit on request", async () => {
    const { fake, worker } = await start();
    void fake.offer(endless, ENDLESS);
    const work = () => fake.leases[0]?.work ?? [];
    await vi.waitFor(() => expect(work().at(-1)).toBeGreaterThan(work()[0] ?? Number.NaN), soon);
    expect(work()).toEqual([...work()].sort((a, b) => a - b));
    fake.abandon("l1");
    // The only place is free for another unit.
    expect(summary(await fake.offer(job, SHORT))).toEqual(expected(await runHere(job, SHORT, job.initial)));
    expect(fake.returned).toEqual([]);
    expect(worker.warnings()).toEqual([]);
  });

  test("submits why an engine cannot run a unit", async () => {
    const { fake } = await start({}, { engines: ["wasm"] });
    const { result } = await fake.offer({ ...job, job: { ...job.job, columns: {} } }, SHORT);
    expect(result.outcome).toMatchObject({ error: { code: "invalid-argument", message: "the job has no column x" } });
    const other = await fake.offer(job, { ...SHORT, slot: 1 }, "onnx:cpu");
    expect(other.result.outcome).toEqual({
      error: { code: "invalid-argument", message: "this worker runs wasm, not onnx:cpu" },
    });
  });

  test("hands a unit back whose bytes the trainer does not have any more", async () => {
    const { fake, worker } = await start();
    const gone = { ...job.initial, digest: "e".repeat(64) };
    const { fetch } = fake;
    let asked = 0;
    fake.fetch = async (name, digest) => {
      if (digest === gone.digest && asked++ === 0) return fetch(name, "f".repeat(64));
      return digest === gone.digest ? job.initial.bytes : fetch(name, digest);
    };
    void fake.offer(job, SHORT, "wasm", gone);
    await vi.waitFor(() => expect(fake.returned).toContain("l1"), soon);
    expect(worker.warnings()[0]).toMatch(/^a unit was given up: no bytes f/);
  });

  test("joins again when the trainer has forgotten it, and its result counts", async () => {
    const { fake, worker } = await start({ pollMs: 50 });
    const unit = { slot: 0, first: 0, count: 400_000 };
    const offered = fake.offer(endless, unit);
    await computing(fake);
    fake.forget();
    const outcome = await offered;
    expect(summary(outcome)).toEqual(expected(await runHere(endless, unit, endless.initial)));
    // In the name of the new worker, under the lease of the old one.
    expect(outcome.result).toMatchObject({ worker: "w2", lease: "l1" });
    expect(worker.warnings()).toHaveLength(1);
  });
});

describe("a worker that is refused", () => {
  test.each<JoinRefusal>(["pipeline", "component", "version", "quarantined"])(
    "because of its %s ends with the trainer's reason",
    async (refusal) => {
      const { port, worker } = await start({ refuse: () => ({ refusal, reason: `the trainer says ${refusal}` }) });
      await expect(worker.lifecycle.finished).rejects.toMatchObject({
        code: "failed-precondition",
        message: `the trainer at 127.0.0.1:${port} refuses this worker: the trainer says ${refusal}`,
      });
      expect(worker.lifecycle.state()).toBe("FAILED");
    },
  );

  test("because the team has no workers asks again", async () => {
    let refusals = 0;
    const { fake, worker } = await start({
      refuse: () => (refusals++ < 2 ? { refusal: "no-workers", reason: "the team file has no workers" } : undefined),
    });
    expect(summary(await fake.offer(job, SHORT))).toHaveProperty("digest");
    expect(fake.joins).toHaveLength(3);
    // One line for the whole time.
    expect(worker.warnings()).toEqual([
      expect.stringMatching(/^not connected to the trainer: .* the team file has no workers; trying again/),
    ]);
  });
});

test("a worker does not follow a trainer that was superseded", async () => {
  const port = await freePort();
  const old = fakeCoordinator({ incarnation: 1 });
  const newer = fakeCoordinator({ incarnation: 2 });
  const serving = await serveCoordinator(newer, { port });
  const worker = await runTestWorker(port);
  await vi.waitFor(() => expect(newer.present()).toBe(1), soon);
  await serving.server.stop(0);
  const zombie = await serveCoordinator(old, { port });
  await vi.waitFor(() => expect(old.joins.length).toBeGreaterThan(1), soon);
  expect(old.leases).toEqual([]);
  expect(old.present()).toBe(0);
  expect(worker.lifecycle.state()).toBe("RUNNING");
  await zombie.server.stop(0);
  await serveCoordinator(newer, { port });
  expect(summary(await newer.offer(job, SHORT))).toHaveProperty("digest");
});

describe("a worker that stops", () => {
  test("finishes a unit that ends in time", async () => {
    const { fake, worker } = await start({ pollMs: 50 }, { graceSeconds: 20 });
    const offered = fake.offer(endless, { slot: 0, first: 0, count: 400_000 });
    await computing(fake);
    await worker.stop();
    expect(summary(await offered)).toHaveProperty("digest");
    expect(fake.fates).toEqual([{ lease: "l1", fate: "applied" }]);
    await vi.waitFor(() => expect(fake.present()).toBe(0), soon);
    expect(worker.lifecycle.state()).toBe("STOPPED");
  });

  test("hands back a unit that does not", async () => {
    const { fake, worker } = await start({}, { graceSeconds: 0.1 });
    void fake.offer(endless, ENDLESS);
    await computing(fake);
    await worker.stop();
    expect(fake.returned).toEqual(["l1"]);
    expect(worker.lifecycle.state()).toBe("STOPPED");
  });

  test("while its trainer is down ends at once", async () => {
    const worker = await runTestWorker(await freePort());
    await vi.waitFor(() => expect(worker.warnings()).toHaveLength(1), soon);
    await worker.stop();
    expect(worker.lifecycle.state()).toBe("STOPPED");
  });
});

test("health and metrics tell what a worker does", async () => {
  const { fake, worker } = await start({}, { http: { host: "127.0.0.1", port: 0 } });
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${worker.httpPort}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  await vi.waitFor(async () => expect(await get("/readyz")).toBe("200 ready\n"), soon);
  const { bytes } = await fake.offer(job, SHORT);
  const fetched = [...job.blobs, job.initial].reduce((sum, blob) => sum + blob.bytes.byteLength, 0);
  await vi.waitFor(async () => {
    const metrics = await get("/metrics");
    expect(metrics).toContain('uncouple_worker_leases_total{end="applied",service="worker"} 1\n');
    expect(metrics).toContain(
      `uncouple_worker_transferred_bytes_total{direction="fetched",service="worker"} ${fetched}\n`,
    );
    const sent = `uncouple_worker_transferred_bytes_total{direction="submitted",service="worker"} ${bytes.length}\n`;
    expect(metrics).toContain(sent);
    expect(metrics).toContain('uncouple_worker_connected{service="worker"} 1\n');
    expect(metrics).toContain('uncouple_worker_leases_running{service="worker"} 0\n');
  }, soon);
  expect(await get("/livez")).toBe("200 alive\n");
});

test("a worker without a trainer is alive and not ready", async () => {
  const worker = await runTestWorker(await freePort(), { http: { host: "127.0.0.1", port: 0 } });
  const at = (path: string) => fetch(`http://127.0.0.1:${worker.httpPort}${path}`);
  expect((await at("/livez")).status).toBe(200);
  const ready = await at("/readyz");
  expect(`${ready.status} ${await ready.text()}`).toBe("503 not ready\ntrainer: not connected\n");
});

test("an address without a port is an error at once", async () => {
  await expect(runTestWorker(0, { trainer: "localhost" })).rejects.toMatchObject({
    code: "invalid-argument",
    message: 'address "localhost" is not host:port',
  });
});
