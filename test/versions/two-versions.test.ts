import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { sha256 } from "../../services/common/files/digest.ts";
import type { SnapshotDraft, SnapshotManifest } from "../../services/pipeline/manifest.ts";
import {
  connectJetStream,
  type JetStreamBackplane,
  type JetStreamOptions,
} from "../../services/registry/jetstream/backplane.ts";
import { draft, model } from "../helpers/drafts.ts";
import { buildEarlierVersion, type EarlierVersion } from "../helpers/earlier-version.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../helpers/raw-nats.ts";

/** The last commit that writes version 1, takes a serial by what it can read, and sets no limit on its streams. */
const VERSION_1 = "ce1eecb1d3e72d6c350955e9e2417fe2ae6c1e05";

const earlier: EarlierVersion | undefined = await buildEarlierVersion(VERSION_1);
if (earlier === undefined) console.log(`skipped: this checkout has no commit ${VERSION_1} to build`);
const suite = test.skipIf(earlier === undefined);

let server: TestNats;
let raw: RawNats;
let pipelines = 0;
let pipeline: string;
let stream: string;
const opened: JetStreamBackplane[] = [];

beforeAll(async () => {
  server = await startTestNats();
  raw = await connectRaw(server.url);
});
afterAll(async () => {
  await raw?.close();
  await server?.stop();
  await earlier?.remove();
});
beforeEach(() => {
  pipeline = `versions-${++pipelines}`;
  stream = `uncouple-${pipeline}-snapshots`;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()));
});

type Connect = (options: JetStreamOptions) => Promise<JetStreamBackplane>;
const open = async (connect: Connect) => {
  const options = { clock: systemClock, url: server.url, pipeline, name: "test", maxStoreBytes: 16 * 1024 ** 2 };
  const backplane = await connect({ ...options, retryLimitMs: 5_000 });
  opened.push(backplane);
  return backplane;
};
const today = () => open(connectJetStream);
const before = async () => {
  const module = await earlier?.module<{ connectJetStream: Connect }>("registry/jetstream/backplane.js");
  if (module === undefined) throw new Error("the test is skipped");
  return open(module.connectJetStream);
};

/** The same draft as version 1 describes it: everything side by side. */
function version1(change: Parameters<typeof draft>[0] = {}): SnapshotDraft {
  const { contract, provenance, pipelineDigest: _, ...identity } = draft({ pipeline, ...change });
  const { optimizer, ...rest } = provenance;
  return { ...identity, ...contract, ...rest, optimiser: optimizer } as unknown as SnapshotDraft;
}
const version2 = (change: Parameters<typeof draft>[0] = {}) => draft({ pipeline, ...change });
const named = (snapshots: readonly { component: string; serial: number }[]) =>
  snapshots.map(({ component, serial }) => `${component}@${serial}`);

suite("a store that the version before has made is read, and its serials go on", async () => {
  const old = await before();
  await old.registry.publish(version1({ runId: "a" }), model(1), null);
  await old.registry.publish(version1({ runId: "b", provenance: { upstream: { m0: 4 } } }), model(2), 1);
  const now = await today();
  const [first, second] = await now.registry.list();
  expect(second).toMatchObject({ version: 2, serial: 2, parent: 1, runId: "b", provenance: { upstream: { m0: 4 } } });
  expect(second?.provenance).toEqual(version2({ provenance: { upstream: { m0: 4 } } }).provenance);
  expect(await now.registry.bytes(first as SnapshotManifest)).toEqual(model(1));
  expect(await now.registry.publish(version2(), model(3), 2)).toMatchObject({ version: 2, serial: 3, parent: 2 });
});

suite("a publisher of the version before is refused where it would take a serial again, and nothing is lost", async () => {
  const old = await before();
  await old.registry.publish(version1(), model(1), null);
  expect((await raw.jsm.streams.info(stream)).config).toMatchObject({ max_msgs_per_subject: -1 });
  const now = await today();
  expect((await raw.jsm.streams.info(stream)).config).toMatchObject({
    max_msgs_per_subject: 1,
    discard: "new",
    discard_new_per_subject: true,
    deny_delete: true,
  });
  const mine = await now.registry.publish(version2({ runId: "mine" }), model(2), 1);
  expect(mine.serial).toBe(2);

  // It does not see m1@2, and announces its own m1@2.
  expect(named(await old.registry.list())).toEqual(["m1@1"]);
  await expect(old.registry.publish(version1({ runId: "theirs" }), model(3), 1)).rejects.toMatchObject({
    name: "UncoupleError",
    code: "resource-exhausted",
    message: expect.stringContaining("maximum messages per subject exceeded"),
  });

  const other = await today();
  for (const { registry } of [now, other]) {
    expect(named(await registry.list())).toEqual(["m1@1", "m1@2"]);
    expect(await registry.manifest("m1", 2)).toEqual(mine);
    expect(await registry.bytes(mine)).toEqual(model(2));
  }
  expect(await raw.count(stream, ">")).toBe(2);
  // The refused publisher removed its own bytes, and nobody else's.
  expect(await raw.count(`OBJ_uncouple-${pipeline}-models`, "$O.*.M.>")).toBe(2);
  // Components that only the version before publishes are not affected.
  expect((await old.registry.publish(version1({ component: "m2" }), model(4), null)).serial).toBe(1);
  expect(await other.registry.publish(version2(), model(5), 2)).toMatchObject({ serial: 3, parent: 2 });
});

suite("publishers of both versions side by side take every serial once, and all that succeed are there", async () => {
  const old = await Promise.all([before(), before()]);
  await old[0]?.registry.publish(version1(), model(0), null);
  const now = await Promise.all([today(), today()]);
  const published: SnapshotManifest[] = [];
  const publish = async ({ registry }: JetStreamBackplane, make: typeof version1) => {
    for (let i = 0; i < 8; i++) {
      const component = i % 2 === 0 ? "m1" : "m2";
      const manifest = await registry.publish(make({ component }), model(i), "any").catch(() => undefined);
      if (manifest !== undefined) published.push(manifest);
    }
  };
  await Promise.all([...old.map((one) => publish(one, version1)), ...now.map((one) => publish(one, version2))]);

  const reader = await today();
  const listed = await reader.registry.list();
  // 16 of today's publishers, the first of the version before, and whatever it could still announce.
  expect(published.length).toBeGreaterThanOrEqual(16);
  for (const manifest of published) {
    const found = await reader.registry.manifest(manifest.component, manifest.serial);
    expect(found).toMatchObject({ runId: manifest.runId, digest: manifest.digest });
    expect(await sha256(await reader.registry.bytes(found))).toBe(manifest.digest);
  }
  expect(listed).toHaveLength(published.length + 1);
  expect(await reader.registry.unreadable()).toEqual([]);
  for (const component of ["m1", "m2"]) {
    const serials = listed.filter((manifest) => manifest.component === component).map(({ serial }) => serial);
    expect(serials).toEqual(serials.map((_, i) => i + 1));
  }
});

suite("a stream that holds two announcements of a serial keeps both, and says why it has no limit", async () => {
  const old = await before();
  await old.registry.publish(version1({ runId: "first" }), model(1), null);
  await raw.nc.request(`uncouple.${pipeline}.snapshots.m1.1`, "not JSON");
  const lines: string[] = [];
  const now = await open((options) => connectJetStream({ ...options, log: (_, line) => lines.push(line) }));
  expect((await raw.jsm.streams.info(stream)).config.max_msgs_per_subject).toBe(-1);
  expect(lines).toContainEqual(expect.stringContaining(`uncouple.${pipeline}.snapshots.m1.1 has several already`));
  expect(await now.registry.manifest("m1", 1)).toMatchObject({ runId: "first" });
  expect(await now.registry.publish(version2(), model(2), 1)).toMatchObject({ serial: 2 });
});
