import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import * as make from "../../helpers/drafts.ts";
import { startNatsProxy } from "../../helpers/nats-proxy.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../../helpers/raw-nats.ts";
import { openStoreFixture } from "../../helpers/store-fixture.ts";
import { take } from "../../helpers/take.ts";

const never = new AbortController().signal;
let server: TestNats;
let raw: RawNats;
let pipelines = 0;
let pipeline: string;
const opened: JetStreamBackplane[] = [];
beforeAll(async () => {
  server = await startTestNats();
  raw = await connectRaw(server.url);
});
afterAll(async () => {
  await raw.close();
  await server.stop();
});
beforeEach(() => {
  pipeline = `ledger-${++pipelines}`;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
});

interface Where {
  readonly url: string;
  readonly pipeline: string;
  readonly create?: boolean;
}
async function open(where: Where = { url: server.url, pipeline }): Promise<JetStreamBackplane> {
  const backplane = await connectJetStream({
    ...{ clock: systemClock, name: "test", maxStoreBytes: 64 * 1024 ** 2 },
    ...where,
  });
  opened.push(backplane);
  return backplane;
}

/** Stores a message as any client with the rights could. @returns its position */
async function forge(key: string, document: unknown): Promise<number> {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return (await raw.nc.jetstream().publish(`uncouple.${pipeline}.releases.${key}`, text)).seq;
}

const release = (number: number, change: Parameters<typeof make.release>[1] = {}) =>
  make.release(number, { pipeline, ...change });
const decision = (serial: number) => make.decision({ m1: serial }, { pipeline });

test("messages that are no entries are left out by every reader, and appends go on beside them", async () => {
  const [one, two] = [await open(), await open()];
  await one.ledger.append(release(1));
  await forge("release", "not JSON");
  await forge("release", release(2, { pipeline: "other" }));
  await forge("release", release(1, { composition: { m1: 9 } }));
  await forge("release", release(3));
  await forge("release", { ...release(2), previous: null });
  await forge("release", { ...release(2), composition: { m1: "newest" } });
  await forge("decision", release(2));
  await forge("verdict", decision(1));
  await forge("served.blue", make.served("green", 1, { pipeline }));
  const kept = [{ position: 1, value: release(1) }];
  for (const { ledger } of [one, two, await open()]) {
    expect(await ledger.release()).toEqual(kept[0]);
    expect(await ledger.end()).toBe(1);
    expect(await take(ledger.read(0), 9)).toEqual(kept);
  }
  expect(await two.ledger.append(release(2), 1)).toBe(11);
  expect(await one.ledger.append(decision(2), 0)).toBe(12);
  expect((await take(two.ledger.watch(0, never), 3)).map(({ position }) => position)).toEqual([1, 11, 12]);
});

test("nothing is appended after what only a newer version can read, and other kinds go on", async () => {
  const one = await open();
  await one.ledger.append(release(1));
  await forge("release", { ...release(2), version: 2 });
  const newer =
    "the newest release cannot be read: a newer version of Uncouple wrote this entry of the ledger (format version 2, this one reads up to 1); upgrade to read it";
  for (const { ledger } of [one, await open()]) {
    await expect(ledger.release()).rejects.toMatchObject({ code: "failed-precondition", message: newer });
    await expect(ledger.append(release(2))).rejects.toMatchObject({ code: "failed-precondition", message: newer });
    expect(await take(ledger.read(0), 9)).toEqual([{ position: 1, value: release(1) }]);
  }
  expect(await one.ledger.append(decision(1), 0)).toBe(3);
  await forge("decision", { version: 7 });
  await expect(one.ledger.append(decision(2))).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("the newest decision cannot be read"),
  });
  await one.ledger.append(make.served("blue", 1, { pipeline }));
  expect(await one.ledger.end()).toBe(5);
});

test("a store of version 0.1.0 reads as an empty ledger, and is watched until the first service creates it", async () => {
  const fixture = await openStoreFixture("store-0.1.0");
  const where = { url: fixture.natsUrl, pipeline: "fixture" };
  try {
    const reader = await open({ ...where, create: false });
    expect([await reader.ledger.release(), await reader.ledger.end(), await reader.ledger.endOf("order")]).toEqual([
      undefined,
      0,
      0,
    ]);
    expect(await take(reader.ledger.read(0), 1)).toEqual([]);
    const first = make.release(1, { pipeline: "fixture" });
    await expect(reader.ledger.append(first)).rejects.toMatchObject({
      code: "failed-precondition",
      message:
        "pipeline fixture has no ledger of releases yet: start an evaluator of this version, or run `uncouple pipeline apply`",
    });
    const watched = take(reader.ledger.watch(0, never), 1);
    const stop = new AbortController();
    const stopped = take(reader.ledger.watch(0, stop.signal), 1);
    stop.abort();
    expect(await stopped).toEqual([]);

    const service = await open(where);
    expect(await service.ledger.append(first, 0)).toBe(1);
    expect(await watched).toEqual([{ position: 1, value: first }]);
    expect((await reader.ledger.release())?.value).toEqual(first);
  } finally {
    await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
    await fixture.close();
  }
});

test("a key that lacks a right is told which one", async () => {
  let denied: RegExp | undefined;
  const proxy = await startNatsProxy(server.url, (subject) => (denied?.test(subject) ? "deny" : undefined));
  const where = { url: proxy.url, pipeline };
  const lacks = (right: string) => ({
    code: "failed-precondition",
    message: expect.stringMatching(
      `^this key lacks the right to ${right}: the NATS server at \\S+ does not permit \\S+; use the key of another role, or write the accounts again with`,
    ),
  });
  try {
    const trainer = await open(where);
    await trainer.ledger.append(release(1));
    denied = /^uncouple\..*\.releases\./;
    await expect(trainer.ledger.append(release(2))).rejects.toMatchObject(lacks("write releases"));
    await expect(trainer.ledger.append(decision(2))).rejects.toMatchObject(lacks("write decisions of gates"));
    expect((await trainer.ledger.release())?.value).toEqual(release(1));
    denied = /STREAM\.INFO\..*-releases$/;
    const reading = lacks("read the pipeline's streams");
    await expect(open(where)).rejects.toMatchObject(reading);
    const reader = await open({ ...where, create: false });
    await expect(reader.ledger.release()).rejects.toMatchObject(reading);
    await expect(reader.ledger.append(release(2))).rejects.toMatchObject(reading);
    await expect(take(reader.ledger.watch(0, never), 1)).rejects.toMatchObject(reading);
  } finally {
    await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
    await proxy.close();
  }
});

test("readers that knew a ledger end when its store is replaced", async () => {
  const one = await open();
  await one.ledger.append(release(1));
  await raw.jsm.streams.delete(`uncouple-${pipeline}-releases`);
  await expect(one.ledger.release()).rejects.toMatchObject({ code: "data-loss" });
  await expect(take(one.ledger.watch(0, never), 2)).rejects.toMatchObject({ code: "data-loss" });
});
