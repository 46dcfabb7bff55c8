import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { verdict } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../../helpers/raw-nats.ts";
import { take } from "../../helpers/take.ts";

const never = new AbortController().signal;
/** More than a process holds in memory. */
const LENGTH = 3_000;

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
  pipeline = `history-${++pipelines}`;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
});

async function open(): Promise<JetStreamBackplane> {
  const options = { clock: systemClock, url: server.url, pipeline, name: "test", maxStoreBytes: 64 * 1024 ** 2 };
  const backplane = await connectJetStream(options);
  opened.push(backplane);
  return backplane;
}

/** Stores verdicts on m1@1, m1@2 ... as another process would. */
async function judge(count: number): Promise<void> {
  const js = raw.nc.jetstream();
  const stored = Array.from({ length: count }, (_, index) =>
    js.publish(`uncouple.${pipeline}.verdicts.m1.${index + 1}`, JSON.stringify(verdict("m1", index + 1, { pipeline }))),
  );
  await Promise.all(stored);
}

const serials = (entries: readonly { readonly serial: number }[]) => entries.map(({ serial }) => serial);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test("a history that is longer than what a process holds in memory is read and watched completely", async () => {
  const [one, two] = [await open(), await open()];
  await judge(LENGTH);
  expect(serials(await one.verdicts.list())).toEqual(upTo(LENGTH));
  expect((await one.verdicts.get("m1", 1))?.serial).toBe(1);
  expect((await one.verdicts.get("m1", LENGTH))?.serial).toBe(LENGTH);
  expect(await one.verdicts.append(verdict("m1", 7, { pipeline }))).toBe(false);
  // From the first position, for a process that knows the history and for one that does not; and from in between.
  for (const { verdicts } of [one, two]) {
    const watched = await take(verdicts.watch(0, never), LENGTH);
    expect(serials(watched.map(({ value }) => value))).toEqual(upTo(LENGTH));
  }
  const middle = await take(one.verdicts.watch(1_001, never), LENGTH - 1_000);
  expect(serials(middle.map(({ value }) => value))).toEqual(upTo(LENGTH).slice(1_000));
});

test("a slow reader of a watch misses nothing while the log grows past it", async () => {
  const one = await open();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { value } of one.verdicts.watch(0, never)) {
      seen.push(value.serial);
      if (seen.length === 1) await judge(LENGTH);
      if (seen.length === LENGTH) break;
    }
  })();
  await judge(1);
  await reading;
  expect(seen).toEqual(upTo(LENGTH));
});

test("a log with deleted messages, the last one too, is read around them and goes on", async () => {
  // As an administrator may have configured it: streams of this program refuse deletions.
  const stream = `uncouple-${pipeline}-verdicts`;
  await raw.jsm.streams.add({ name: stream, subjects: [`uncouple.${pipeline}.verdicts.>`] });
  const one = await open();
  await judge(9);
  for (const sequence of [1, 5, 8, 9]) await raw.jsm.streams.deleteMessage(stream, sequence);
  const left = [2, 3, 4, 6, 7];
  expect(serials(await one.verdicts.list())).toEqual(left);
  expect(await one.verdicts.end()).toBe(7);
  expect(await one.verdicts.append(verdict("m1", 10, { pipeline }))).toBe(true);
  await raw.jsm.streams.purge(stream);
  const two = await open();
  expect(await two.verdicts.list()).toEqual([]);
  expect(await two.verdicts.append(verdict("m1", 11, { pipeline }))).toBe(true);
  expect(serials(await two.verdicts.list())).toEqual([11]);
});

test("a consumer that is deleted, as by a server that moves it, is replaced, and nothing is missed or seen twice", async () => {
  const one = await open();
  const stream = `uncouple-${pipeline}-verdicts`;
  const watched = take(one.verdicts.watch(0, never), 3);
  await judge(2);
  expect(await one.verdicts.end()).toBe(2);
  for await (const { name } of raw.jsm.consumers.list(stream)) await raw.jsm.consumers.delete(stream, name);
  expect(await one.verdicts.append(verdict("m1", 3, { pipeline }))).toBe(true);
  expect(serials((await watched).map(({ value }) => value))).toEqual([1, 2, 3]);
});
