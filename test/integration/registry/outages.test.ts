import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import {
  connectJetStream,
  type JetStreamBackplane,
  type JetStreamOptions,
} from "../../../services/registry/jetstream/backplane.ts";
import { draft as anyDraft, model, verdict } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";
import { take } from "../../helpers/take.ts";

const MiB = 1024 ** 2;
let server: TestNats;
let pipelines = 0;
let pipeline: string;
const opened: JetStreamBackplane[] = [];
const lines: string[] = [];

beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());
beforeEach(() => {
  pipeline = `outage-${++pipelines}`;
  lines.length = 0;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
});

const never = new AbortController().signal;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const draft = (change: Parameters<typeof anyDraft>[0] = {}) => anyDraft({ pipeline, ...change });
const open = async (change: Partial<JetStreamOptions> = {}) => {
  const backplane = await connectJetStream({
    clock: systemClock,
    url: server.url,
    pipeline,
    name: "test",
    maxStoreBytes: 512 * MiB,
    log: (level, message) => lines.push(`${level}: ${message}`),
    ...change,
  });
  opened.push(backplane);
  return backplane;
};
const crash = async (downMs = 300) => {
  await server.kill();
  await sleep(downMs);
  await server.restart();
};
/** Waits until an upload has begun and not ended. */
const midUpload = async () => {
  const raw = await connectRaw(server.url);
  const stream = `OBJ_uncouple-${pipeline}-models`;
  const before = await raw.count(stream, "$O.*.C.>");
  while ((await raw.count(stream, "$O.*.C.>")) < before + 4) await sleep(1);
  await raw.close();
};

test("a server that is killed in the middle of a publish and comes back loses nothing, and nothing half is visible", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  await one.registry.publish(draft(), model(1), null);
  const bytes = model(2, 96 * MiB);
  let published = false;
  const publishing = one.registry.publish(draft(), bytes, 1).finally(() => {
    published = true;
  });
  await midUpload();
  expect(published).toBe(false);
  await crash();
  const onlyTheFirst = (await two.registry.list()).map(({ serial }) => serial);
  const manifest = await publishing;
  expect(onlyTheFirst[0]).toBe(1);
  expect(manifest).toMatchObject({ serial: 2, parent: 1 });
  expect(Buffer.compare(await two.registry.bytes(manifest), bytes)).toBe(0);
  expect(lines).toContainEqual(expect.stringMatching(/warn: lost the NATS server at nats:\/\/127/));
  expect(lines).toContainEqual(expect.stringMatching(/info: reconnected to the NATS server/));
});

test("a server that is killed while bytes are read delays the reader and damages nothing", async () => {
  const one = await open();
  const bytes = model(3, 128 * MiB);
  const manifest = await one.registry.publish(draft(), bytes, null);
  const reading = one.registry.bytes(manifest);
  await sleep(50);
  await crash();
  expect(Buffer.compare(await reading, bytes)).toBe(0);
});

test("serials stay without gap or repeat while the server is killed again and again under three publishers", async () => {
  const publishers = await Promise.all([open(), open(), open()]);
  const each = 6;
  let running = true;
  const publishing = Promise.all(
    publishers.map(async ({ registry }, publisher) => {
      for (let i = 0; i < each; i++) {
        await registry.publish(draft({ runId: `${publisher}-${i}` }), model(publisher * each + i, 2 * MiB), "any");
        await sleep(50);
      }
    }),
  ).finally(() => {
    running = false;
  });
  for (let kills = 0; running && kills < 4; kills++) {
    await crash(100);
    await sleep(400);
  }
  await publishing;
  const reader = await open();
  const listed = await reader.registry.list("m1");
  expect(listed.map(({ serial }) => serial)).toEqual(Array.from({ length: 3 * each }, (_, i) => i + 1));
  expect(new Set(listed.map(({ runId }) => runId)).size).toBe(3 * each);
  for (const manifest of listed) expect((await reader.registry.bytes(manifest)).length).toBe(2 * MiB);
});

test("a publish that waits for the server can be stopped", async () => {
  const one = await open();
  await server.kill();
  const stop = new AbortController();
  const publishing = one.registry.publish(draft(), model(1), null, stop.signal);
  setTimeout(() => stop.abort(), 100);
  await expect(publishing).rejects.toMatchObject({ code: "cancelled" });
  await server.restart();
  expect(await one.registry.list()).toEqual([]);
});

test("closing ends a publish that waits for the server", async () => {
  const one = await open();
  await server.kill();
  const publishing = expect(one.registry.publish(draft(), model(1), null)).rejects.toMatchObject({
    code: "unavailable",
  });
  await one.close();
  await publishing;
  await server.restart();
});

test("work that is announced after an outage reaches a worker that waited through it", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const worked = take(two.workQueue("evaluators").items(never), 1);
  await sleep(200);
  await crash();
  await one.registry.publish(draft(), model(1), null);
  expect((await worked)[0]).toMatchObject({ delivery: 1 });
});

test("a call during an outage fails as unavailable and names the server; the next one after it works", async () => {
  const one = await open({ retryLimitMs: 500 });
  await one.registry.publish(draft(), model(1), null);
  await server.kill();
  const failed = { code: "unavailable", message: expect.stringContaining(server.url) };
  await Promise.all([
    expect(one.registry.latest("m1")).rejects.toMatchObject(failed),
    expect(one.registry.publish(draft(), model(2), 1)).rejects.toMatchObject(failed),
    expect(one.registry.aliases("m1")).rejects.toMatchObject(failed),
    expect(one.verdicts.append(verdict("m1", 1, { pipeline }))).rejects.toMatchObject(failed),
    expect(one.leases.holder("training")).rejects.toMatchObject(failed),
  ]);
  expect(one.connection()).toBe("reconnecting");
  await server.restart();
  expect((await one.registry.latest("m1"))?.serial).toBe(1);
  expect(one.connection()).toBe("connected");
});

test("a server that comes back with an empty store is noticed, and what is published there meanwhile is not taken for what was", async () => {
  const [one, idle] = await Promise.all([open(), open()]);
  const old = await one.registry.publish(draft({ runId: "old" }), model(1), null);
  await one.verdicts.append(verdict("m1", 1, { pipeline }));
  expect(await idle.registry.list()).toEqual([old]);
  await server.kill();
  await rm(join(server.storeDir, "jetstream"), { recursive: true });
  await server.restart();
  const lost = { code: "data-loss", message: expect.stringMatching(/store was replaced; restart this service/) };
  await expect(one.registry.latest("m1")).rejects.toMatchObject(lost);
  // As many announcements and verdicts as there were.
  const restarted = await open();
  await restarted.registry.publish(draft({ runId: "new" }), model(2), null);
  await restarted.verdicts.append(verdict("m1", 1, { pipeline }));
  for (const backplane of [one, idle]) {
    await expect(backplane.registry.latest("m1")).rejects.toMatchObject(lost);
    await expect(take(backplane.workQueue("evaluators").items(never), 1)).rejects.toMatchObject(lost);
  }
  await expect(one.verdicts.list()).rejects.toMatchObject(lost);
  await expect(take(one.registry.watch(2, never), 1)).rejects.toMatchObject(lost);
  expect(await restarted.workQueue("evaluators").pending()).toBe(1);
});

test("watches, work and leases go on after an outage, nothing is seen twice and nothing is missed", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const watched = take(two.registry.watch(0, never), 3);
  const verdicts = take(two.verdicts.watch(0, never), 1);
  const stop = new AbortController();
  const done: [number, number][] = [];
  const working = (async () => {
    for await (const item of two.workQueue("evaluators").items(stop.signal)) {
      if (item.announcement.manifest.serial === 1) await crash();
      await item.done();
      done.push([item.announcement.manifest.serial, item.delivery]);
      if (done.length === 3) stop.abort();
    }
  })();
  const lease = await one.leases.acquire("training", "ann", never);
  for (let i = 1; i <= 3; i++) await one.registry.publish(draft(), model(i), "any");
  await working;
  expect(done).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  expect((await watched).map(({ manifest }) => manifest.serial)).toEqual([1, 2, 3]);
  expect(await one.verdicts.append(verdict("m1", 1, { pipeline }))).toBe(true);
  expect((await verdicts)[0]?.value.serial).toBe(1);
  expect(lease.lost.aborted).toBe(false);
  expect(await two.leases.holder("training")).toBe("ann");
  await lease.release();
});

test("a lease that cannot be renewed is lost to its holder before anybody else can take it", async () => {
  const one = await open();
  const lease = await one.leases.acquire("training", "ann", never);
  await server.kill();
  await new Promise((resolve) => lease.lost.addEventListener("abort", resolve));
  await server.restart();
  const two = await open();
  const taken = await two.leases.acquire("training", "bob", never);
  expect(await one.leases.holder("training")).toBe("bob");
  await taken.release();
});
