import { generateKeyPairSync, sign, verify } from "node:crypto";
import { headers } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import {
  connectJetStream,
  type JetStreamBackplane,
  type JetStreamOptions,
} from "../../../services/registry/jetstream/backplane.ts";
import { draft as anyDraft, model, verdict } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../../helpers/raw-nats.ts";
import { take } from "../../helpers/take.ts";

const MiB = 1024 ** 2;
let server: TestNats;
let raw: RawNats;
let pipelines = 0;
let pipeline: string;
let models: string;
const opened: JetStreamBackplane[] = [];
const lines: string[] = [];

beforeAll(async () => {
  server = await startTestNats();
  raw = await connectRaw(server.url);
});
afterAll(async () => {
  await raw.close();
  await server.stop();
});
beforeEach(() => {
  pipeline = `store-${++pipelines}`;
  models = `OBJ_uncouple-${pipeline}-models`;
  lines.length = 0;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
});

const never = new AbortController().signal;
const draft = (change: Parameters<typeof anyDraft>[0] = {}) => anyDraft({ pipeline, ...change });
const open = async (change: Partial<JetStreamOptions> = {}) => {
  const backplane = await connectJetStream({
    clock: systemClock,
    url: server.url,
    pipeline,
    name: "test",
    maxStoreBytes: 64 * MiB,
    retryLimitMs: 5_000,
    log: (level, message) => lines.push(`${level}: ${message}`),
    ...change,
  });
  opened.push(backplane);
  return backplane;
};
const chunkSubject = async () => {
  const info = await raw.jsm.streams.info(models, { subjects_filter: ">" });
  const subject = Object.keys(info.state.subjects ?? {}).find((one) => one.includes(".C."));
  if (subject === undefined) throw new Error("there is no chunk");
  return subject;
};

test("a chunk that was damaged in the store is data loss to the reader, and other snapshots are read on", async () => {
  const { registry } = await open();
  const bytes = model(1, 1.2 * MiB);
  const damaged = await registry.publish(draft(), bytes, null);
  const subject = await chunkSubject();
  const whole = await registry.publish(draft(), model(2), 1);
  await raw.jsm.streams.purge(models, { filter: subject });
  for (let at = 0; at < bytes.length; at += 512 * 1024) {
    const chunk = bytes.slice(at, at + 512 * 1024);
    if (at > 0) chunk[0] = (chunk[0] ?? 0) ^ 1;
    await raw.nc.request(subject, chunk);
  }
  await expect(registry.bytes(damaged)).rejects.toMatchObject({
    code: "data-loss",
    message: expect.stringContaining("m1@1: SHA-256"),
  });
  expect(Buffer.compare(await registry.bytes(whole), model(2))).toBe(0);
});

test.each(["fewer", "more"])("%s bytes in the store than the manifest says are data loss", async (how) => {
  const { registry } = await open();
  const manifest = await registry.publish(draft(), model(1, 1.2 * MiB), null);
  const subject = await chunkSubject();
  if (how === "fewer") {
    const last = await raw.jsm.streams.getMessage(models, { last_by_subj: subject });
    await raw.jsm.streams.deleteMessage(models, last.seq);
  } else {
    await raw.jsm.streams.purge(models, { filter: subject });
    for (let i = 0; i < 3; i++) await raw.nc.request(subject, model(i, 512 * 1024));
  }
  await expect(registry.bytes(manifest)).rejects.toMatchObject({
    code: "data-loss",
    message: expect.stringContaining("m1@1"),
  });
});

test("a model is an object that any object store client reads", async () => {
  const { registry } = await open();
  const bytes = model(3, 1.2 * MiB);
  const manifest = await registry.publish(draft({ runId: "r7" }), bytes, null);
  const bucket = await raw.nc.jetstream().views.os(`uncouple-${pipeline}-models`);
  const [object] = await bucket.list();
  expect(object).toMatchObject({ name: expect.stringMatching(/^m1\/r7\//), size: bytes.length, chunks: 3 });
  const read = await bucket.getBlob(object?.name ?? "");
  expect(Buffer.compare(read ?? new Uint8Array(), bytes)).toBe(0);
  expect(object?.digest).toBe(
    `SHA-256=${Buffer.from(manifest.digest, "hex").toString("base64").replaceAll("+", "-").replaceAll("/", "_")}`,
  );
});

test("a model above maxModelBytes is neither published nor read", async () => {
  const generous = await open();
  const strict = await open({ maxModelBytes: 1000 });
  const jetStreamError = { code: "resource-exhausted", message: expect.stringContaining("--max-model-bytes, 1000") };
  await expect(strict.registry.publish(draft(), model(1, 1001), null)).rejects.toMatchObject(jetStreamError);
  const manifest = await generous.registry.publish(draft(), model(1, 1001), null);
  await expect(strict.registry.bytes(manifest)).rejects.toMatchObject(jetStreamError);
  expect((await strict.registry.publish(draft(), model(1, 1000), 1)).serial).toBe(2);
});

test("a full store says so and what to raise; afterwards smaller models still fit and serials have no gap", async () => {
  const { registry } = await open({ maxStoreBytes: 2 * MiB });
  await registry.publish(draft(), model(1, MiB), null);
  await expect(registry.publish(draft(), model(2, 1.5 * MiB), 1)).rejects.toMatchObject({
    code: "resource-exhausted",
    message: expect.stringContaining("--max-store-bytes"),
  });
  expect((await registry.publish(draft(), model(3, 1000), 1)).serial).toBe(2);
  expect(await raw.count(models, "$O.*.C.>")).toBe(3);
});

test("a store that the server has no room for is refused at the start, naming the setting", async () => {
  await expect(open({ maxStoreBytes: 10 ** 15 })).rejects.toMatchObject({
    code: "resource-exhausted",
    message: expect.stringContaining("--max-store-bytes"),
  });
});

test("a store can be made larger by whoever connects with another limit", async () => {
  const small = await open({ maxStoreBytes: MiB });
  await expect(small.registry.publish(draft(), model(1, 1.5 * MiB), null)).rejects.toMatchObject({
    code: "resource-exhausted",
  });
  await open({ maxStoreBytes: 4 * MiB });
  expect((await small.registry.publish(draft(), model(1, 1.5 * MiB), null)).serial).toBe(1);
});

test("a manifest above the server's max_payload is refused at the source, and nothing is left in the store", async () => {
  const { registry, verdicts } = await open();
  const huge = "x".repeat(MiB);
  const jetStreamError = { code: "resource-exhausted", message: expect.stringContaining("max_payload") };
  await expect(registry.publish(draft({ provenance: { model: huge } }), model(1), null)).rejects.toMatchObject(
    jetStreamError,
  );
  await expect(verdicts.append(verdict("m1", 1, { pipeline, evaluator: huge }))).rejects.toMatchObject(jetStreamError);
  expect(await raw.count(models, "$O.>")).toBe(0);
  expect((await registry.publish(draft(), model(1), null)).serial).toBe(1);
});

test("what cannot be read takes its serial, is named in the log, and stops neither publishers, readers nor workers", async () => {
  const one = await open();
  const first = await one.registry.publish(draft(), model(1), null);
  const stored = await raw.jsm.streams.getMessage(`uncouple-${pipeline}-snapshots`, { seq: 1 });
  const announcement = stored.json<{ manifest: object }>();
  const send = (subject: string, change: object | string) =>
    raw.nc.request(
      `uncouple.${pipeline}.snapshots.${subject}`,
      typeof change === "string" ? change : JSON.stringify({ ...announcement, manifest: { ...first, ...change } }),
    );
  await send("m1.2", "not JSON");
  const again = await send("m1.2", { serial: 2, parent: 1, runId: "again" });
  expect(again.json()).toMatchObject({ error: { description: "maximum messages per subject exceeded" } });
  await send("m1.9", { serial: 9, parent: 8, runId: "gap" });
  await send("m2.1", { runId: "of-another-component" });
  await send("m1.3", { serial: 3, parent: 2, digest: "../etc/passwd" });

  const two = await open();
  expect(await two.registry.list()).toEqual([first]);
  const second = await two.registry.publish(draft(), model(2), 1);
  expect(second).toMatchObject({ serial: 4, parent: 1 });
  expect((await one.registry.list()).map(({ serial }) => serial)).toEqual([1, 4]);
  expect((await one.registry.unreadable()).map(({ component, serial }) => [component, serial])).toEqual([
    ["m1", 2],
    ["m1", 9],
    ["m2", 1],
    ["m1", 3],
  ]);
  await expect(one.registry.manifest("m1", 2)).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("m1@2 cannot be read and is never used: it is not JSON"),
  });
  await expect(one.registry.setAlias("m1", "champion", 3, null, "ann")).rejects.toMatchObject({
    code: "failed-precondition",
  });
  expect((await take(two.registry.watch(0, never), 2)).map(({ manifest }) => manifest)).toEqual([first, second]);
  const done: number[] = [];
  for await (const item of one.workQueue("evaluators").items(never)) {
    done.push(item.announcement.manifest.serial);
    await item.done();
    if (done.length === 2) break;
  }
  expect(done).toEqual([1, 4]);
  expect(await one.workQueue("evaluators").pending()).toBe(0);
  for (const [sequence, why] of [
    [2, "not JSON"],
    [3, "serial 9 where m1 is at 3"],
    [4, "it is m1@1"],
    [5, "manifest: digest"],
  ] as const) {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`snapshots ${sequence} .*left out: .*${why}`)));
  }
});

test("an orphan sweep removes what nobody can see, and only that", async () => {
  const backplane = await open();
  const kept = await backplane.registry.publish(draft(), model(1, 1.2 * MiB), null);
  const bucket = `$O.uncouple-${pipeline}-models`;
  await raw.nc.request(`${bucket}.C.DEADUPLOAD`, model(2, 1000));
  await raw.nc.request(`${bucket}.C.NEVERANNOUNCED`, model(3, 1000));
  await raw.nc.request(`${bucket}.M.bmV2ZXI=`, JSON.stringify({ name: "never", nuid: "NEVERANNOUNCED" }));
  expect(await backplane.sweepOrphans(3_600_000)).toHaveLength(0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await backplane.sweepOrphans(10)).toHaveLength(2);
  expect(await raw.count(models, `${bucket}.C.>`)).toBe(3);
  expect(await raw.count(models, `${bucket}.M.>`)).toBe(1);
  expect(Buffer.compare(await backplane.registry.bytes(kept), model(1, 1.2 * MiB))).toBe(0);
});

test("an orphan sweep keeps the bytes of an announcement that only another version can read", async () => {
  const backplane = await open();
  const first = await backplane.registry.publish(draft(), model(1), null);
  const bucket = `$O.uncouple-${pipeline}-models`;
  await raw.nc.request(`${bucket}.C.FUTURE`, model(2, 1000));
  await raw.nc.request(`${bucket}.M.ZnV0dXJl`, JSON.stringify({ name: "future", nuid: "FUTURE" }));
  const announcement = { manifest: { ...first, version: 3, serial: 2 }, object: { name: "future", nuid: "FUTURE" } };
  await raw.nc.request(`uncouple.${pipeline}.snapshots.m1.2`, JSON.stringify(announcement));
  expect(await backplane.registry.list()).toEqual([first]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await backplane.sweepOrphans(10)).toHaveLength(0);
});

test("an announcement of the future is listed as unreadable, stays in the queue, and keeps its bytes and signature", async () => {
  const one = await open();
  await one.registry.publish(draft(), model(1), null);
  const subject = `uncouple.${pipeline}.snapshots.m1.2`;
  const object = { name: "future", nuid: "FUTURE" };
  // What is signed are the bytes of the message, as they are stored.
  const payload = Buffer.from(JSON.stringify({ manifest: { version: 3, what: "nobody knows" }, object }, undefined, 1));
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signed = headers();
  signed.set("Uncouple-Signature", sign(null, payload, privateKey).toString("base64"));
  await raw.nc.request(subject, payload, { headers: signed, timeout: 5_000 });

  const two = await open();
  expect(await two.registry.publish(draft(), model(3), 1)).toMatchObject({ serial: 3, parent: 1 });
  for (const { registry } of [one, two]) {
    expect((await registry.list()).map(({ serial }) => serial)).toEqual([1, 3]);
    expect(await registry.latest("m1")).toMatchObject({ serial: 3 });
    expect(await registry.unreadable("m1")).toEqual([
      { component: "m1", serial: 2, position: 2, reason: expect.stringContaining("newer version of Uncouple") },
    ]);
  }
  const stored = await raw.jsm.streams.getMessage(`uncouple-${pipeline}-snapshots`, { seq: 2 });
  const signature = Buffer.from(stored.header.get("Uncouple-Signature"), "base64");
  expect(verify(null, stored.data, publicKey, signature)).toBe(true);

  // Only a newer evaluator can judge it: it waits for one, and the others do not wait for it.
  const done: number[] = [];
  for await (const item of one.workQueue("evaluators").items(never)) {
    done.push(item.announcement.manifest.serial);
    await item.done();
    if (done.length === 2) break;
  }
  expect(done).toEqual([1, 3]);
  expect(await two.workQueue("evaluators").pending()).toBe(1);
});

test("a verdict that only a newer version can read is the one that counts, and nobody else's is stored", async () => {
  const { verdicts } = await open();
  const subject = `uncouple.${pipeline}.verdicts.m1.1`;
  await raw.nc.request(subject, "not JSON");
  await raw.nc.request(subject, JSON.stringify({ version: 3, component: "m1", serial: 1 }));
  expect(await verdicts.append(verdict("m1", 1, { pipeline }))).toBe(false);
  expect(await verdicts.get("m1", 1)).toBeUndefined();
  expect(await raw.count(`uncouple-${pipeline}-verdicts`, ">")).toBe(2);
  expect(await verdicts.append(verdict("m1", 2, { pipeline }))).toBe(true);
});

test("a publish that meets a conflict after its upload leaves no bytes behind", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const outcomes = await Promise.allSettled(
    [one, two, one, two].map(({ registry }, i) => registry.publish(draft(), model(i, MiB), null)),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(await raw.count(models, "$O.*.M.>")).toBe(1);
  expect(await raw.count(models, "$O.*.C.>")).toBe(2);
});

test("a publish that is overtaken during its upload by one of its own process is a conflict, too", async () => {
  const { registry } = await open();
  const slow = expect(registry.publish(draft(), model(1, 48 * MiB), null)).rejects.toMatchObject({ code: "conflict" });
  while ((await raw.count(models, "$O.*.C.>")) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await registry.publish(draft(), model(2), null);
  await slow;
  expect((await registry.list()).map(({ serial }) => serial)).toEqual([1]);
  expect(await raw.count(models, "$O.*.M.>")).toBe(1);
  expect(await raw.count(models, "$O.*.C.>")).toBe(1);
});

test("a publish that is stopped in the middle of its upload leaves no bytes behind", async () => {
  const { registry } = await open();
  const stop = new AbortController();
  const publishing = expect(registry.publish(draft(), model(1, 48 * MiB), null, stop.signal)).rejects.toMatchObject({
    code: "cancelled",
  });
  while ((await raw.count(models, "$O.*.C.>")) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  await publishing;
  expect(await raw.count(models, "$O.>")).toBe(0);
  expect(await registry.list()).toEqual([]);
});

test("the logs cannot be shortened by a client", async () => {
  await open();
  await expect(raw.jsm.streams.purge(`uncouple-${pipeline}-snapshots`)).rejects.toThrow(/not permitted/);
});

test("services that start at the same moment create the streams together", async () => {
  const backplanes = await Promise.all(Array.from({ length: 6 }, () => open()));
  await backplanes[0]?.registry.publish(draft(), model(1), null);
  for (const { registry } of backplanes) expect(await registry.list()).toHaveLength(1);
});

test("who only looks creates nothing, and hears which pipelines the server has", async () => {
  const { registry } = await open();
  await registry.publish(draft(), model(1), null);
  const streams = async () => (await raw.jsm.streams.names().next()).sort();
  const before = await streams();
  await expect(open({ pipeline: pipeline.replace("store", "stroe"), create: false })).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(
      new RegExp(`${server.url} has no pipeline "stroe-\\d+"; did you mean "${pipeline}"\\? \\(it has .*${pipeline}`),
    ),
  });
  const looking = await open({ create: false });
  expect(await looking.registry.list()).toHaveLength(1);
  expect(await streams()).toEqual(before);
});

test("who only looks at a server without pipelines hears that there are none", async () => {
  const empty = await startTestNats();
  try {
    await expect(open({ url: empty.url, create: false })).rejects.toMatchObject({
      code: "not-found",
      message: `the NATS server at ${empty.url} has no pipeline "${pipeline}" (it has none)`,
    });
  } finally {
    await empty.stop();
  }
});

test("a server that is not there is named, without the password in its address", async () => {
  const url = "nats://ann:secret@127.0.0.1:1";
  const error = await open({ url }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining("nats://127.0.0.1:1") });
  expect(String(error)).not.toContain("secret");
});

test("a server with a password admits who knows it", async () => {
  const guarded = await startTestNats({ name: "ann", password: "secret" });
  try {
    await expect(open({ url: guarded.url })).rejects.toMatchObject({
      code: "unauthenticated",
      message: `the NATS server at ${guarded.url} requires credentials; use --nats-creds, --nats-nkey or a user in its address`,
    });
    const { registry } = await open({ url: guarded.url, credentials: { user: "ann", password: "secret" } });
    expect((await registry.publish(draft(), model(1), null)).serial).toBe(1);
  } finally {
    await guarded.stop();
  }
});
