import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { draft as anyDraft, model, verdict } from "../../helpers/drafts.ts";
import { type Fault, type NatsProxy, startNatsProxy } from "../../helpers/nats-proxy.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

/** A server without space answers a message so. */
const full: Fault = {
  answer: { error: { code: 503, err_code: 10023, description: "insufficient resources" }, seq: 0 },
};

let server: TestNats;
let proxy: NatsProxy;
let pipelines = 0;
let pipeline: string;
interface Trouble {
  /** A subject, with `*` for any token. */
  readonly on: string;
  /** The message passes if not given. */
  readonly fault?: Fault;
  readonly meanwhile?: () => void;
}
/** Of this test, in order: each meets the first message on its subject after the one before has happened. */
let faults: Trouble[] = [];
/** Behind the faults, and beside them. */
let troubled: JetStreamBackplane;
let other: JetStreamBackplane;

beforeAll(async () => {
  server = await startTestNats();
  proxy = await startNatsProxy(server.url, (subject) => {
    const next = faults[0];
    if (next === undefined || !matches(subject, next.on)) return undefined;
    faults.shift();
    next.meanwhile?.();
    return next.fault;
  });
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
});
beforeEach(async () => {
  pipeline = `lost-${++pipelines}`;
  faults = [];
  other = await connectJetStream({
    clock: systemClock,
    url: server.url,
    pipeline,
    name: "other",
    maxStoreBytes: 64 * 1024 ** 2,
  });
  // It looks at the streams for its calls only, so that the order of its requests is known.
  troubled = await connectJetStream({
    clock: systemClock,
    url: proxy.url,
    pipeline,
    name: "troubled",
    create: false,
    retryLimitMs: 5_000,
  });
});
afterEach(async () => {
  await Promise.all([troubled.close(), other.close()]);
  expect(faults).toEqual([]);
});

const matches = (subject: string, pattern: string) => {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  return tokens.length === wanted.length && wanted.every((token, i) => token === "*" || token === tokens[i]);
};
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const draft = (runId: string) => anyDraft({ pipeline, runId });
const announcing = (serial = 1) => `uncouple.${pipeline}.snapshots.m1.${serial}`;
const looking = (kind: string) => `$JS.API.STREAM.INFO.uncouple-${pipeline}-${kind}`;
/** The message is stored, its acknowledgement lost, the look at the stream fails, and the server has no space left. */
const storedThenFull = (subject: string, kind: string): Trouble[] => [
  { on: subject, fault: "lose the answer" },
  { on: looking(kind), fault: "lose" },
  { on: subject, fault: full },
];

/** The registry's promise, and that publishing again is safe. */
async function announcedAndWhole(bytes: Uint8Array): Promise<void> {
  const listed = await other.registry.list();
  expect(listed).toMatchObject([{ component: "m1", serial: 1, runId: "r1" }]);
  for (const manifest of listed) expect(Buffer.compare(await other.registry.bytes(manifest), bytes)).toBe(0);
  expect(await other.registry.publish(draft("r1"), bytes, null)).toEqual(listed[0]);
}

test("a snapshot whose announcement was stored keeps its bytes when the repeated announcement is refused", async () => {
  faults = storedThenFull(announcing(), "snapshots");
  const bytes = model(1, 700_000);
  const failed = await failure(troubled.registry.publish(draft("r1"), bytes, null));
  await announcedAndWhole(bytes);
  expect(failed).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/insufficient resources.*may have been stored/),
  });
});

test("a snapshot whose announcement was stored keeps its bytes when the publisher may no longer look", async () => {
  // The publisher looks, and so may its reader of the stream.
  const denied: Trouble = { on: looking("snapshots"), fault: "deny" };
  faults = [{ on: announcing(), fault: "lose the answer" }, denied, denied];
  const bytes = model(2);
  const failed = await failure(troubled.registry.publish(draft("r1"), bytes, null));
  faults = [];
  await announcedAndWhole(bytes);
  expect(failed).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/does not permit.*may have been stored/),
  });
});

test("a publish that is stopped while its announcement is on the way has published", async () => {
  const stop = new AbortController();
  faults = [{ on: announcing(), fault: "lose the answer", meanwhile: () => stop.abort() }];
  const bytes = model(3);
  expect(await troubled.registry.publish(draft("r1"), bytes, null, stop.signal)).toMatchObject({ serial: 1 });
  await announcedAndWhole(bytes);
});

test("a backplane that closes while its announcement is on the way leaves the bytes", async () => {
  faults = [{ on: announcing(), fault: "lose the answer", meanwhile: () => void troubled.close() }];
  const bytes = model(4);
  await expect(troubled.registry.publish(draft("r1"), bytes, null)).rejects.toMatchObject({ code: "unavailable" });
  await announcedAndWhole(bytes);
});

test("an announcement that was refused every time leaves no bytes", async () => {
  faults = [{ on: announcing(), fault: full }];
  await expect(troubled.registry.publish(draft("r1"), model(5), null)).rejects.toMatchObject({
    code: "resource-exhausted",
  });
  const raw = await connectRaw(server.url);
  expect(await raw.count(`OBJ_uncouple-${pipeline}-models`, ">")).toBe(0);
  await raw.close();
});

test("an upload whose last acknowledgement is lost is repeated, and leaves no object without bytes", async () => {
  const raw = await connectRaw(server.url);
  faults = [{ on: "$O.*.M.*", fault: "lose the answer" }];
  const bytes = model(6, 700_000);
  await troubled.registry.publish(draft("r1"), bytes, null);
  await announcedAndWhole(bytes);
  const bucket = await raw.nc.jetstream().views.os(`uncouple-${pipeline}-models`);
  const objects = await bucket.list();
  expect(objects).toHaveLength(1);
  expect(Buffer.compare((await bucket.getBlob(objects[0]?.name ?? "")) ?? new Uint8Array(), bytes)).toBe(0);
  await raw.close();
});

test("an alias change or a verdict that may have been stored says so", async () => {
  await other.registry.publish(draft("r1"), model(7), null);
  const unknown = { code: "unavailable", message: expect.stringContaining("may have been stored") };
  faults = storedThenFull(`uncouple.${pipeline}.aliases.m1`, "aliases");
  await expect(troubled.registry.setAlias("m1", "champion", 1, null, "ann")).rejects.toMatchObject(unknown);
  expect(await other.registry.aliasLog("m1")).toHaveLength(1);

  faults = storedThenFull(`uncouple.${pipeline}.verdicts.m1.1`, "verdicts");
  const made = verdict("m1", 1, { pipeline });
  await expect(troubled.verdicts.append(made)).rejects.toMatchObject(unknown);
  expect(await other.verdicts.list()).toEqual([made]);
  expect(await troubled.verdicts.append(made)).toBe(false);
});
