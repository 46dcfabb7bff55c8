import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readStack, writeStack } from "../../services/cli/connect/stack-file.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { sha256 } from "../../services/common/files/digest.ts";
import { processTableOf } from "../../services/common/files/folder-lock.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { parseManifest } from "../../services/pipeline/documents/manifest-schema.ts";
import type { Release } from "../../services/pipeline/release.ts";
import type { Run } from "../../services/pipeline/run.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { connectTrainer } from "../../services/rpc/client/trainer-client.ts";
import { runTrainer } from "../../services/trainer/run-trainer.ts";
import { createRunStore } from "../../services/trainer/runs/run-store.ts";
import { cli } from "../helpers/cli.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { type OpenStoreFixture, openStoreFixture } from "../helpers/store-fixture.ts";
import { endOf } from "../helpers/trainer-world.ts";

/** The store of version 0.1.0, and the folder of its stack, which was stopped in the middle of a run. */
let fixture: OpenStoreFixture;
let backplane: JetStreamBackplane;
const closing: (() => Promise<void>)[] = [];

const connect = (name: string) =>
  connectJetStream({ clock: systemClock, url: fixture.natsUrl, pipeline: "fixture", name });
const path = (...parts: string[]) => join(fixture.folder, ...parts);
const stateOf = (component: string) => createRunStore(path("stack/state/fixture", component), silentLog);

/** What a command prints with --json. */
async function said(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await cli([...args, "--json"], {
    cwd: fixture.folder,
    env: { UNCOUPLE_DIR: "stack" },
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  fixture = await openStoreFixture("store-0.1.0");
  backplane = await connect("test");
  // Its services are gone; commands use a stack file only while the process that it names is alive.
  const stack = await readStack(path("stack"));
  if (stack === undefined) throw new Error("the fixture has no stack file");
  await writeStack(path("stack"), { ...stack, pid: process.pid, natsUrl: fixture.natsUrl });
});
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
  await backplane.close();
  await fixture.close();
});

async function startTrainer(component: string) {
  const trainer = await runTrainer(
    {
      pipelineFile: path("pipeline.yaml"),
      teamFiles: [path(`${component}.yaml`)],
      stateDir: path("stack/state"),
      host: "127.0.0.1",
      grpcPort: 0,
      httpPort: 0,
    },
    {
      clock: systemClock,
      connect: () => connect(component),
      processes: processTableOf(process, hostname()),
      hostProcess: process,
      hosts: testHosts,
      log: silentLog,
    },
  );
  const address = `127.0.0.1:${trainer.grpcPort}`;
  const client = connectTrainer(address, { clock: systemClock });
  closing.push(async () => {
    client.close();
    await trainer.stop();
  });
  return { address, client };
}

async function startEvaluator(): Promise<string> {
  const evaluator = await runEvaluator(
    { pipelineFile: path("pipeline.yaml"), name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    { clock: systemClock, hosts: testHosts, connect: () => connect("e1"), log: silentLog },
  );
  closing.push(() => evaluator.stop());
  return `127.0.0.1:${evaluator.grpcPort}`;
}

/** What is stored in version 1 is printed as version 2, with every key of version 1 where it was. */
const asVersion2 = (document: object): object => expect.objectContaining<object>({ ...document, version: 2 });

test("manifests, models, verdicts, quarantines and aliases are read as they were stored", async () => {
  const { expected } = fixture;
  expect(await said("snapshots")).toEqual(
    expected.snapshots.map((row) => ({ ...row, deleted: null, usedBy: [], manifest: asVersion2(row.manifest) })),
  );
  for (const [name, shown] of Object.entries(expected.show)) {
    const { manifest, verdict } = shown;
    expect(await said("show", name)).toEqual({
      ...shown,
      deleted: null,
      usedBy: [],
      manifest: asVersion2(manifest),
      verdict: verdict && asVersion2(verdict),
    });
  }
  for (const [name, aliases] of Object.entries(expected.aliases)) expect(await said("alias", name)).toEqual(aliases);
  expect(await backplane.verdicts.list()).toEqual(expected.verdicts.map(asVersion2));
  const manifests = await backplane.registry.list();
  expect(manifests).toEqual(expected.snapshots.map(({ manifest }) => parseManifest(manifest)));
  for (const manifest of manifests) {
    expect(await sha256(await backplane.registry.bytes(manifest))).toBe(manifest.digest);
  }
  // Every object is announced, and every announcement was judged.
  expect(await backplane.sweepOrphans(0)).toHaveLength(0);
  expect(await backplane.workQueue("evaluator").pending()).toBe(0);
});

test("the stream of announcements has become one that takes one message of each serial", async () => {
  const raw = await connectRaw(fixture.natsUrl);
  const { config } = await raw.jsm.streams.info("uncouple-fixture-snapshots");
  await raw.close();
  expect(config).toMatchObject({ max_msgs_per_subject: 1, discard: "new", discard_new_per_subject: true });
});

test("services resume where the last ones stopped", async () => {
  const { expected } = fixture;
  const { interrupted } = expected;
  expect((await stateOf("m1").loadCheckpoint(interrupted.id))?.step).toBe(interrupted.step);
  const store = expected.runs.at(-1)?.id;
  expect(await stateOf("m2").announcementSeen()).toEqual({ store, position: 3 });

  const m2 = await startTrainer("m2");
  const m1 = await startTrainer("m1");
  const evaluator = await startEvaluator();
  const stack = await readStack(path("stack"));
  if (stack === undefined) throw new Error("the stack file has gone");
  await writeStack(path("stack"), { ...stack, evaluator, trainers: { m1: m1.address, m2: m2.address } });

  const never = new AbortController().signal;
  const seen: Run[] = [];
  for await (const run of m1.client.watchRun(interrupted.id, never)) seen.push(run);
  expect(seen.at(-1)).toMatchObject({ state: "succeeded", warnings: [], snapshot: interrupted.published.serial });
  for (const { step } of seen) expect(step === 0 || step >= interrupted.step).toBe(true);
  // Steps before the checkpoint by the old program, steps after it by this one: the same bits as all by the old one.
  // Its serial continues those of the old program.
  const published = parseManifest(interrupted.published);
  expect(await backplane.registry.manifest("m1", published.serial)).toEqual({
    ...published,
    publishedAt: expect.any(String),
    // Fields that the old program did not record.
    pipelineDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    provenance: {
      gating: { sets: true, cotrain: false },
      ...published.provenance,
      data: { ...published.provenance.data, columns: [expect.objectContaining({ name: "x1" })] },
      numerics: expect.stringMatching(/^reference\/v8-\d+$/),
      finishedAt: expect.any(String),
      codeVersion: expect.any(String),
    },
  });

  // m2 trains on the champion of m1, which version 0.1.0 did not do when it moved.
  const known = new Set(expected.runs.map(({ id }) => id));
  const newRun = async () => (await m2.client.listRuns()).find(({ id }) => !known.has(id));
  const following = await vi.waitUntil(newRun, { timeout: 30_000, interval: 20 });
  const stored = JSON.parse(await readFile(path("stack/state/fixture/m2/runs", following.id, "run.json"), "utf8"));
  expect(stored.announcement).toMatchObject({ store, verdict: expect.any(Number), alias: expect.any(Number) });
  expect((await endOf(m2.client, following.id)).upstream).toEqual({ m1: 1 });
  const runs = (await said("runs")) as Run[];
  expect(runs.filter(({ id }) => id !== interrupted.id && id !== following.id)).toEqual(
    expected.runs.map((run) => ({ ...run, waitingFor: null })),
  );
  const verdicts = (await said("verdicts")) as object[];
  expect(verdicts.slice(0, expected.verdicts.length)).toEqual(expected.verdicts.map(asVersion2));
  for (const [name, { rows, values }] of Object.entries(expected.predictions)) {
    await writeFile(path("rows.json"), JSON.stringify(rows));
    const predicted = (await said("predict", name, "rows.json")) as { values: number[][] };
    // ONNX Runtime may add in a different order on a different machine.
    expect(predicted.values).toEqual(values.map((row) => row.map((value) => expect.closeTo(value, 5))));
  }

  // What was in use is the first release. The champion stays pinned under the new snapshot, and moves by releases.
  const [founded] = (await said("releases")) as Release[];
  expect(founded).toMatchObject({ number: 1, cause: { type: "founded" }, pinned: ["m1"], composition: { m1: 1 } });
  expect(await said("alias", "m1")).toEqual(expected.aliases.m1);
  const { serial } = published;
  await vi.waitUntil(async () => (await backplane.verdicts.get("m1", serial)) !== undefined, { timeout: 30_000 });
  await said("alias", "m1", "champion", String(serial));
  expect((await backplane.ledger.release())?.value).toMatchObject({ kind: "pin", composition: { m1: serial } });
  expect(await said("alias", "m1")).toMatchObject({ aliases: { champion: serial } });
  expect(await said("rollback", "m1")).toMatchObject({ serial: 1, previous: serial });
});

test("commands list a snapshot of the future as unreadable, and do not use it", async () => {
  const serial = ((await backplane.registry.latest("m1"))?.serial ?? 0) + 1;
  const raw = await connectRaw(fixture.natsUrl);
  const announcement = { manifest: { version: 3 }, object: { name: "future", nuid: "FUTURE" } };
  await raw.nc.request(`uncouple.fixture.snapshots.m1.${serial}`, JSON.stringify(announcement));
  await raw.close();

  const rows = (await said("snapshots", "m1")) as object[];
  expect(rows.at(-1)).toEqual({
    manifest: null,
    unreadable: { component: "m1", serial, position: expect.any(Number), reason: expect.stringContaining("newer") },
    aliases: [],
    verdict: null,
    deleted: null,
    usedBy: [],
  });
  const run = (...args: string[]) => cli(args, { cwd: fixture.folder, env: { UNCOUPLE_DIR: "stack" } });
  const name = `m1@${serial}`;
  expect((await run("snapshots")).stdout).toContain(`${name} is unreadable: a newer version of Uncouple wrote this`);
  const says = `${name} cannot be read and is never used: a newer version of Uncouple wrote this manifest`;
  for (const args of [
    ["show", name],
    ["export", name, "future.onnx"],
    ["alias", "m1", "champion", String(serial)],
  ]) {
    expect(await run(...args)).toMatchObject({ code: 5, stderr: expect.stringContaining(says) });
  }
  // The evaluator and the trainer of the test above say so, too.
  const evaluator = connectEvaluator((await readStack(path("stack")))?.evaluator ?? "", { clock: systemClock });
  closing.push(async () => evaluator.close());
  expect(await evaluator.status()).toMatchObject({ unreadable: [{ component: "m1", serial }] });
  expect((await run("predict", name, "rows.json")).stderr).toContain(says);
});
