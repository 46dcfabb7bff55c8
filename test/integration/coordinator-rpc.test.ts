import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { UncoupleError } from "../../services/common/errors.ts";
import { chunkBytes } from "../../services/rpc/options.ts";
import type {
  CoordinatorService,
  JoiningWorker,
  SubmittedUnit,
  UnitLease,
  WorkerBeat,
} from "../../services/rpc/services/coordinator-service.ts";
import { openLink } from "../helpers/cuttable-link.ts";
import { fakeCoordinator } from "../helpers/fake-coordinator.ts";
import { connectTo, serveCoordinator } from "../helpers/serve-coordinator.ts";
import { take } from "../helpers/take.ts";

const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const never = new AbortController().signal;

const joining: JoiningWorker = {
  name: "n1",
  host: "h1",
  pid: 7,
  codeVersion: "0.1.0",
  engines: [{ engine: "wasm", numerics: "wasm" }],
  parallel: 2,
};
const lease: UnitLease = {
  lease: "l1",
  job: "a".repeat(64),
  work: {
    program: "b".repeat(64),
    columns: { x: "c".repeat(64) },
    rows: 10,
    steps: 100,
    schedule: { warmup: 5, decay: "cosine" },
    learningRate: 0.1,
    seed: 2 ** 40,
  },
  slot: 1,
  first: 20,
  count: 2,
  base: "d".repeat(64),
  engine: "wasm",
};
const resultOf = (bytes: Uint8Array): SubmittedUnit => ({
  worker: "w1",
  lease: "l1",
  job: lease.job,
  slot: 1,
  first: 20,
  count: 2,
  base: lease.base,
  seconds: 0.25,
  outcome: { digest: digestOf(bytes), size: bytes.byteLength, losses: Float32Array.of(1, 0.5) },
});
/** Bytes that differ at every place. */
const bytesOf = (size: number) => {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 7 + (at >> 8)) % 251;
  return bytes;
};

/** A real server of a coordinator that does only what the test gives. */
async function serve(offered: Partial<CoordinatorService>, options: Parameters<typeof connectTo>[1] = {}) {
  const { server, port } = await serveCoordinator({ ...fakeCoordinator(), ...offered });
  return { server, port, client: connectTo(port, options) };
}

/** Beats of one worker that end with the signal. */
async function* beatsOf(worker: string, signal: AbortSignal): AsyncGenerator<WorkerBeat> {
  for (let work = 1; !signal.aborted; work++) {
    yield { worker, units: [{ lease: "l1", work }] };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a coordinator over gRPC", () => {
  test("takes a worker in, or refuses it", async () => {
    const fake = fakeCoordinator({
      refuse: ({ name }) => (name === "bad" ? { refusal: "quarantined", reason: "wrong digest" } : undefined),
    });
    const { client } = await serve(fake);
    const meant = { ...joining, pipeline: "paper", component: "m1" };
    expect(await client.join(meant)).toMatchObject({ worker: "w1", pipeline: "paper", component: "m1" });
    expect(await client.join({ ...joining, name: "bad" })).toEqual({ refusal: "quarantined", reason: "wrong digest" });
    expect(fake.joins).toEqual([meant, { ...joining, name: "bad" }]);
  });

  test("leases units, none, and tells a worker that it is not known", async () => {
    const answers = [lease, undefined];
    const { client } = await serve({
      lease: async (worker) => {
        if (worker !== "w1") throw new UncoupleError("not-found", "no worker");
        return answers.shift();
      },
    });
    expect(await client.lease("w1", never)).toEqual(lease);
    expect(await client.lease("w1", never)).toBeUndefined();
    await expect(client.lease("w2", never)).rejects.toMatchObject({ code: "not-found" });
  });

  test("learns that a worker has stopped waiting for a unit", async () => {
    let waiting: AbortSignal | undefined;
    const { client } = await serve({
      lease: (_worker, signal) => {
        waiting = signal;
        return new Promise(() => {});
      },
    });
    const stop = new AbortController();
    const asked = client.lease("w1", stop.signal);
    await vi.waitFor(() => expect(waiting).toBeDefined());
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    await vi.waitFor(() => expect(waiting?.aborted).toBe(true));
  });

  test.each([0, 1, chunkBytes, 3 * chunkBytes + 17])("sends %i bytes by their digest, with progress", async (size) => {
    const bytes = bytesOf(size);
    const { client } = await serve({ fetch: async () => bytes });
    const progress: number[] = [];
    const fetched = await client.fetch("w1", digestOf(bytes), { onProgress: (count) => progress.push(count) });
    expect(bytes.equals(fetched)).toBe(true);
    expect(progress).toHaveLength(Math.ceil(size / chunkBytes));
    expect(progress.reduce((sum, count) => sum + count, 0)).toBe(size);
  });

  test("bytes that are not what they are named are refused", async () => {
    const { client } = await serve({ fetch: async () => bytesOf(10) });
    await expect(client.fetch("w1", "a".repeat(64))).rejects.toMatchObject({
      code: "data-loss",
      message: expect.stringContaining(`${"a".repeat(64)}: the bytes have the digest`),
    });
  });

  test.each([0, 1, chunkBytes, 3 * chunkBytes + 17])("takes a result of %i bytes, with progress", async (size) => {
    const bytes = bytesOf(size);
    const taken: unknown[] = [];
    const { client } = await serve({
      async submit(result, chunks) {
        const all: Uint8Array[] = [];
        for await (const chunk of chunks) all.push(chunk);
        taken.push(result, Buffer.concat(all).equals(bytes));
        return { fate: "duplicate", reason: "seen before" };
      },
    });
    let sent = 0;
    const onProgress = (count: number) => {
      sent += count;
    };
    const result = resultOf(bytes);
    expect(await client.submit(result, bytes, { onProgress })).toEqual({ fate: "duplicate", reason: "seen before" });
    expect(taken).toEqual([result, true]);
    expect(sent).toBe(size);
  });

  test("takes an error instead of a result", async () => {
    const taken: unknown[] = [];
    const { client } = await serve({
      async submit(result, chunks) {
        for await (const chunk of chunks) taken.push(chunk);
        taken.push(result);
        return { fate: "applied", reason: "" };
      },
    });
    const failed: SubmittedUnit = {
      ...resultOf(bytesOf(0)),
      outcome: { error: { code: "invalid-argument", message: "no operator Foo" } },
    };
    await client.submit(failed, new Uint8Array(0));
    expect(taken).toEqual([failed]);
  });

  test("answers without reading the bytes of a result that cannot count", async () => {
    const { client } = await serve({ submit: async () => ({ fate: "stale", reason: "the round is over" }) });
    const bytes = bytesOf(40 * chunkBytes);
    for (let time = 0; time < 3; time++) {
      expect(await client.submit(resultOf(bytes), bytes)).toEqual({ fate: "stale", reason: "the round is over" });
    }
  });

  test.each([
    ["fewer", -1, "received 1048575 bytes of a result that has 1048576"],
    ["more", 1, "received at least 1048577 bytes of a result that has 1048576"],
  ])("refuses %s bytes than a result announces", async (_what, more, message) => {
    const size = 2 * chunkBytes;
    const fates: string[] = [];
    const { client } = await serve({
      async submit(_result, chunks) {
        for await (const _ of chunks);
        fates.push("judged");
        return { fate: "refused", reason: "" };
      },
    });
    const bytes = bytesOf(size);
    await expect(client.submit(resultOf(bytes), bytesOf(size + more))).rejects.toMatchObject({
      code: "invalid-argument",
      message,
    });
    expect(fates).toEqual([]);
  });

  test("does not mistake a lost connection for the end of a result", async () => {
    const ends: unknown[] = [];
    const { port } = await serve({
      async submit(_result, chunks) {
        try {
          for await (const _ of chunks);
          ends.push("complete");
        } catch (thrown) {
          ends.push(thrown);
          throw thrown;
        }
        return { fate: "applied", reason: "" };
      },
    });
    const link = await openLink(port);
    onTestFinished(() => link.close());
    const client = connectTo(link.port);
    const bytes = bytesOf(20 * chunkBytes);
    link.cutAfter(4 * chunkBytes);
    await expect(client.submit(resultOf(bytes), bytes)).rejects.toMatchObject({ code: "unavailable" });
    await vi.waitFor(() => expect(ends).toEqual([expect.objectContaining({ code: "cancelled" })]));
  });

  test("is sent no more than it reads", async () => {
    let release = () => {};
    const { client } = await serve({
      async submit(_result, chunks) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        for await (const _ of chunks);
        return { fate: "applied", reason: "" };
      },
    });
    const bytes = bytesOf(64 * chunkBytes);
    let sent = 0;
    const submitted = client.submit(resultOf(bytes), bytes, {
      onProgress: (count) => {
        sent += count;
      },
    });
    // Until nothing more goes out.
    for (let before = -1; sent !== before; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // What the buffers of both sides and of the kernel hold.
    expect(sent).toBeLessThan(bytes.byteLength / 2);
    release();
    expect((await submitted).fate).toBe("applied");
    expect(sent).toBe(bytes.byteLength);
  });

  test("takes units back, and lists workers", async () => {
    const fake = fakeCoordinator();
    const { client } = await serve(fake);
    await client.join(joining);
    await client.returnUnit("w1", "l9");
    expect(fake.returned).toEqual(["l9"]);
    expect(await client.listWorkers()).toEqual({ workers: [], waiting: 0 });
  });

  test.each([
    ["an empty name", { name: "" }, "name must have 1 to 255 characters, not 0"],
    ["no engines", { engines: [] }, "number of engines must be at least 1, not 0"],
  ])("refuses %s before the coordinator sees it", async (_what, change, message) => {
    const fake = fakeCoordinator();
    const { client } = await serve(fake);
    await expect(client.join({ ...joining, ...change })).rejects.toMatchObject({ code: "invalid-argument", message });
    expect(fake.joins).toEqual([]);
  });
});

describe("beats", () => {
  test("are answered one by one, and leases are abandoned", async () => {
    const fake = fakeCoordinator();
    const { client } = await serve(fake);
    await client.join(joining);
    const stop = new AbortController();
    const seen: string[][] = [];
    for await (const abandon of client.beat(beatsOf("w1", stop.signal), stop.signal)) {
      seen.push([...abandon]);
      if (seen.length === 3) {
        fake.leases.push({ id: "l1", worker: "w1", unit: {} as never, work: [] });
        fake.abandon("l1");
      }
      if (abandon.length > 0 || seen.length > 100) stop.abort();
    }
    expect(seen.slice(0, 3)).toEqual([[], [], []]);
    expect(seen.at(-1)).toEqual(["l1"]);
    // The coordinator notices their end.
    await vi.waitFor(() => expect(fake.present()).toBe(0));
  });

  test("of a worker that is not known end with an error", async () => {
    const { client } = await serve(fakeCoordinator());
    await expect(take(client.beat(beatsOf("w9", never), never), 1)).rejects.toMatchObject({ code: "not-found" });
  });

  test("end for the coordinator, without an error, when the connection is lost", async () => {
    const ends: unknown[] = [];
    let taken = 0;
    const { port } = await serve({
      async *beat(sent) {
        try {
          for await (const _ of sent) taken += 1;
          ends.push("ended");
        } catch (thrown) {
          ends.push(thrown);
        }
        yield [];
      },
    });
    const link = await openLink(port);
    onTestFinished(() => link.close());
    const client = connectTo(link.port);
    const beating = take(client.beat(beatsOf("w1", never), never), 1_000_000);
    await vi.waitFor(() => expect(taken).toBeGreaterThan(2));
    link.cut();
    await expect(beating).rejects.toMatchObject({ code: "unavailable" });
    await vi.waitFor(() => expect(ends).toEqual(["ended"]));
  });

  test("have a connection of their own", async () => {
    const fake = fakeCoordinator();
    const { port } = await serve(fake);
    const link = await openLink(port);
    onTestFinished(() => link.close());
    const client = connectTo(link.port);
    await client.join(joining);
    await client.listWorkers();
    expect(link.connections()).toBe(1);
    const stop = new AbortController();
    await take(client.beat(beatsOf("w1", stop.signal), stop.signal), 2);
    stop.abort();
    expect(link.connections()).toBe(2);
  });
});

test("a server that stops ends beats and lease calls at once", async () => {
  const { server, client } = await serve(fakeCoordinator({ pollMs: 60_000 }));
  await client.join(joining);
  const beating = take(client.beat(beatsOf("w1", never), never), 1_000_000);
  const asked = client.lease("w1", never);
  const ends = Promise.allSettled([beating, asked]);
  await vi.waitFor(() => expect(server.context.active()).toBe(2));
  await server.stop(60);
  for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
});

test.each<[string, (client: ReturnType<typeof connectTo>) => Promise<unknown>]>([
  ["join", (client) => client.join(joining)],
  ["fetch", (client) => client.fetch("w1", "a".repeat(64))],
  ["submit", (client) => client.submit(resultOf(bytesOf(10)), bytesOf(10))],
])("%s gives up on a coordinator that never answers", async (_what, call) => {
  const silent = () => new Promise<never>(() => {});
  const { client } = await serve({ join: silent, fetch: silent, submit: silent }, { deadlineSeconds: 0.2 });
  await expect(call(client)).rejects.toMatchObject({
    code: "deadline-exceeded",
    message: expect.stringContaining("within deadlineSeconds = 0.2"),
  });
});

test("a transfer may take longer than its deadline as long as it moves on", async () => {
  const bytes = bytesOf(10 * chunkBytes);
  const { port } = await serve({
    fetch: async () => bytes,
    async submit(_result, chunks) {
      for await (const _ of chunks);
      return { fate: "applied", reason: "" };
    },
  });
  const link = await openLink(port);
  onTestFinished(() => link.close());
  // A chunk takes a sixth of a second, all of them 1.7 seconds.
  link.throttle(6 * chunkBytes);
  const client = connectTo(link.port, { deadlineSeconds: 1.4 });
  expect(bytes.equals(await client.fetch("w1", digestOf(bytes)))).toBe(true);
  expect((await client.submit(resultOf(bytes), bytes)).fate).toBe("applied");
});

test("a transfer is cancelled by its signal", async () => {
  let reading = 0;
  const { client } = await serve({
    fetch: () => new Promise(() => {}),
    async submit(_result, chunks) {
      reading += 1;
      for await (const _ of chunks) await new Promise(() => {});
      return { fate: "applied", reason: "" };
    },
  });
  const stop = new AbortController();
  const { signal } = stop;
  const bytes = bytesOf(64 * chunkBytes);
  const calls = [client.fetch("w1", "a".repeat(64), { signal }), client.submit(resultOf(bytes), bytes, { signal })];
  const ends = Promise.allSettled(calls);
  await vi.waitFor(() => expect(reading).toBe(1));
  stop.abort();
  for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "cancelled" } });
  await expect(client.join(joining, signal)).rejects.toMatchObject({ code: "cancelled" });
});

test("with certificates on both sides, only known workers join", async () => {
  const pem = (name: string) => readFileSync(join(import.meta.dirname, "../helpers/tls", name));
  const tls = { certificate: pem("server.pem"), key: pem("server.key"), clientCa: pem("ca.pem") };
  const { port } = await serveCoordinator(fakeCoordinator(), { host: "localhost", tls });
  const known = { ca: pem("ca.pem"), certificate: pem("client.pem"), key: pem("client.key") };
  expect(await connectTo(port, { tls: known }).join(joining)).toMatchObject({ worker: "w1" });
  for (const client of [connectTo(port, { tls: { ca: pem("ca.pem") } }), connectTo(port)]) {
    await expect(client.join(joining)).rejects.toMatchObject({ code: "unavailable" });
  }
});
