import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AckPolicy } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { cli } from "../../helpers/cli.ts";
import { decision, draft, model, quarantine, release, verdict } from "../../helpers/drafts.ts";
import { createFirstStreams } from "../../helpers/first-streams.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";
import { openStoreFixture } from "../../helpers/store-fixture.ts";

const pipeline = "kept";
let server: TestNats;
let other: TestNats;
let dir: string;
const open = (url: string, options: { readonly create?: boolean } = {}) =>
  connectJetStream({ clock: systemClock, url, pipeline, name: "test", maxStoreBytes: 128 * 1024 ** 2, ...options });
const run = (nats: TestNats, ...args: readonly string[]) => cli([...args, "--nats", nats.url], { cwd: dir });

beforeAll(async () => {
  [server, other] = await Promise.all([startTestNats(), startTestNats()]);
  dir = await mkdtemp(join(tmpdir(), "uncouple-backup-"));
  await writeFile(
    join(dir, "pipeline.yaml"),
    `pipeline: ${pipeline}
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
retention: { keep: 2, champions: 1 }
`,
  );
});
afterAll(async () => {
  await Promise.all([server.stop(), other.stop()]);
  await rm(dir, { recursive: true, force: true });
});

/** Everything that a reader of the store can see, with positions. */
async function content({ registry, ledger, verdicts, quarantines, retention, pipelines }: JetStreamBackplane) {
  const all = async <T>(entries: AsyncIterable<T>): Promise<T[]> => {
    const list: T[] = [];
    for await (const entry of entries) list.push(entry);
    return list;
  };
  const manifests = await registry.list();
  const bytes: Record<string, string> = {};
  for (const manifest of manifests) {
    bytes[`${manifest.component}@${manifest.serial}`] = await registry.bytes(manifest).then(
      (read) => Buffer.from(read).toString("hex").slice(0, 40),
      (thrown: { code: string }) => thrown.code,
    );
  }
  return {
    manifests,
    bytes,
    end: await registry.end(),
    ledger: await all(ledger.read(0)),
    verdicts: await all(verdicts.read(0)),
    quarantines: await all(quarantines.read(0)),
    aliases: [await registry.aliasLog("m1"), await registry.aliases("m1")],
    tombstones: await retention.tombstones(),
    pinned: (await retention.state()).pinned,
    pipelines: await pipelines.history(),
  };
}

test("a restored store has every entry at its position, every model, and what was judged", async () => {
  const before = await open(server.url);
  const publish = (component: string, seed: number, size = 1000) =>
    before.registry.publish(draft({ pipeline, component }), model(seed, size), "any");
  for (let serial = 1; serial <= 6; serial++) {
    await publish("m1", serial);
    await before.verdicts.append(
      verdict("m1", serial, { pipeline }),
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    await before.registry.setAlias("m1", "champion", serial, serial === 1 ? null : serial - 1, "test");
    await before.ledger.append(decision({ m1: serial }, { pipeline, release: serial }));
    await before.ledger.append(release(serial, { pipeline }));
    if (serial !== 2) continue;
    await publish("m3", 30);
    await before.verdicts.append(verdict("m3", 1, { pipeline }));
    await before.registry.setAlias("m3", "audited", 1, null, "test");
  }
  await publish("m2", 20, 1_300_000);
  await before.quarantines.append(quarantine("m2", 1, { pipeline }));
  await before.retention.pin("run-x", { m1: 6 }, "m2");
  await before.pipelines.apply({ components: [] } as never, null, "test");
  // Gaps: deleted snapshots, their verdicts and old alias changes.
  const gc = await run(server, "gc", "--pipeline-file", "pipeline.yaml", "--pipeline", pipeline);
  expect(gc.stdout).toMatch(/deleted [34] models.*\n(.*\n)*removed/);
  let settled = 0;
  for await (const item of before.workQueue("evaluator").items(AbortSignal.timeout(20_000))) {
    if (++settled > 7) break;
    await item.done();
  }

  // A publish that has not come to its announcement.
  const publisher = await connectRaw(server.url);
  await publisher.nc.request(`$O.uncouple-${pipeline}-models.C.HALFWAY`, model(50, 1000));
  await publisher.close();

  const saved = await run(server, "backup", "kept.tar", "--pipeline", pipeline, "--json");
  expect(saved).toMatchObject({ code: 0 });
  expect(JSON.parse(saved.stdout)).toMatchObject({ pipeline, snapshots: 8, lost: [] });
  expect((await stat(join(dir, "kept.tar"))).mode & 0o777).toBe(0o600);
  expect(await readdir(dir)).toEqual(["kept.tar", "pipeline.yaml"]);
  const wanted = await content(before);
  expect(wanted.verdicts.map(({ position }) => position)).toEqual([3, 6, 7]);

  const restored = await run(other, "restore", "kept.tar");
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringMatching(/^restored pipeline kept at /) });
  const after = await open(other.url);
  expect(await content(after)).toEqual(wanted);
  expect(await after.workQueue("evaluator").pending()).toBe(1);
  expect((await after.registry.publish(draft({ pipeline }), model(7), 6)).serial).toBe(7);
  expect(await after.ledger.append(release(7, { pipeline }), 12)).toBe(13);
  expect((await after.registry.rollback("m1", "champion", "test")).serial).toBe(5);
  expect(await after.verdicts.append(verdict("m1", 6, { pipeline }))).toBe(false);
  const raw = await connectRaw(other.url);
  const rules = async (stream: string) => {
    const { config } = await raw.jsm.streams.info(`uncouple-${pipeline}-${stream}`);
    return [config.deny_delete, config.deny_purge, config.max_msgs_per_subject, config.description];
  };
  expect(await raw.count(`OBJ_uncouple-${pipeline}-models`, "$O.*.C.HALFWAY")).toBe(0);
  expect(await rules("snapshots")).toEqual([true, true, 1, undefined]);
  expect(await rules("releases")).toEqual([true, true, -1, undefined]);
  expect(await rules("verdicts")).toEqual([false, true, -1, undefined]);
  await raw.close();
  await Promise.all([before.close(), after.close()]);
});

test("a store in use is replaced with --force only, and processes that knew it end", async () => {
  const again = await run(other, "restore", "kept.tar");
  expect(again).toEqual({
    code: 4,
    stdout: "",
    stderr: `uncouple: the NATS server at ${other.url} has pipeline kept with 9 snapshots; use --force to replace it\n`,
  });
  const knew = await open(other.url);
  expect(await knew.registry.end()).toBe(9);
  const raw = await connectRaw(other.url);
  const stream = `uncouple-${pipeline}-snapshots`;
  let queue: Promise<unknown> | undefined;
  const forced = await cli(["restore", "kept.tar", "--force", "--json", "--nats", other.url], {
    cwd: dir,
    // In the middle, an evaluator that has not noticed yet begins its queue again.
    onStderr: () => {
      queue ??= raw.jsm.consumers.add(stream, { durable_name: "evaluator", ack_policy: AckPolicy.Explicit });
    },
  });
  await queue;
  expect(forced).toMatchObject({ code: 0 });
  const { config } = await raw.jsm.consumers.info(stream, "evaluator");
  expect(config).toMatchObject({ deliver_policy: "by_start_sequence" });
  await raw.close();
  expect(JSON.parse(forced.stdout)).toMatchObject({ pipeline, snapshots: 8, models: 4 });
  await expect(knew.registry.end()).rejects.toMatchObject({ code: "data-loss" });
  await knew.close();
  const after = await open(other.url, { create: false });
  expect(await after.registry.end()).toBe(8);
  await after.close();
});

test("a damaged, cut or foreign file changes nothing", async () => {
  const whole = await readFile(join(dir, "kept.tar"));
  const damaged = Buffer.from(whole);
  const at = whole.indexOf(Buffer.from(model(20, 64)));
  damaged[at] = (damaged[at] ?? 0) ^ 1;
  const newer = whole.toString("latin1").replace(/("version": )1/, "$12");
  const cases = [
    ["damaged.tar", damaged, 9, /^uncouple: damaged\.tar is damaged: models\/m2\/1\.onnx has SHA-256 \w+, not \w+\n$/],
    [
      "cut.tar",
      whole.subarray(0, whole.length / 2),
      9,
      /^uncouple: cut\.tar is not a complete backup: it is cut off, or no tar archive\n$/,
    ],
    ["short.tar", whole.subarray(0, 10_240), 9, /^uncouple: short\.tar is not a complete/],
    ["empty.tar", Buffer.alloc(1024), 9, /^uncouple: empty\.tar is not a complete backup: it has no backup\.json\n$/],
    [
      "text.tar",
      Buffer.alloc(2048, "x"),
      9,
      /^uncouple: text\.tar is not a complete backup: it is cut off, or no tar archive\n$/,
    ],
    ["newer.tar", Buffer.from(newer, "latin1"), 5, /^uncouple: a newer version of Uncouple wrote this backup /],
  ] as const;
  const before = await open(other.url, { create: false });
  const wanted = await content(before);
  for (const [name, bytes, code, says] of cases) {
    await writeFile(join(dir, name), bytes);
    const refused = await run(other, "restore", name, "--force");
    expect(refused.stderr).toMatch(says);
    expect(refused).toMatchObject({ code, stdout: "" });
  }
  expect(await content(before)).toEqual(wanted);
  await before.close();
});

test("Ctrl-C leaves no half backup, and a half store is used by nobody until restore ends", async () => {
  const files = await readdir(dir);
  const stopped = new AbortController();
  const big = await open(server.url);
  for (let seed = 40; seed < 44; seed++) {
    await big.registry.publish(draft({ pipeline, component: "m4" }), model(seed, 1024 ** 2), "any");
  }
  await big.close();
  const backup = cli(["backup", "big.tar", "--pipeline", pipeline, "--nats", server.url], {
    cwd: dir,
    interrupt: stopped.signal,
    onStderr: () => stopped.abort(),
  });
  expect(await backup).toMatchObject({ code: 130, stdout: "" });
  expect(await readdir(dir)).toEqual(files);

  const cut = new AbortController();
  const interrupted = await cli(["restore", "kept.tar", "--nats", other.url, "--force"], {
    cwd: dir,
    interrupt: cut.signal,
    onStderr: () => cut.abort(),
  });
  expect(interrupted.code).toBe(130);
  for (const create of [false, true]) {
    await expect(open(other.url, { create })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("is being restored from a backup"),
    });
  }
  expect(await run(other, "backup", "half.tar", "--pipeline", pipeline)).toMatchObject({ code: 5 });
  expect(await readdir(dir)).toEqual(files);
  expect(await run(other, "restore", "kept.tar")).toMatchObject({ code: 0 });
  const after = await open(other.url);
  expect(await after.registry.end()).toBe(8);
  await after.close();
});

test("a store of version 0.1.0, and one whose logs have been replaced for compaction, come back as they were", async () => {
  const fixture = await openStoreFixture("store-0.1.0");
  const raw = await connectRaw(server.url);
  await createFirstStreams(raw, "replaced");
  const stores = [
    { name: "fixture", url: fixture.natsUrl },
    { name: "replaced", url: server.url },
  ];
  for (const { name, url } of stores) {
    const at = (place: string) => connectJetStream({ clock: systemClock, url: place, pipeline: name, name: "test" });
    if (name === "replaced") {
      const made = await at(url);
      for (let serial = 1; serial <= 4; serial++) {
        await made.registry.publish(draft({ pipeline: name }), model(serial), "any");
        await made.verdicts.append(verdict("m1", serial, { pipeline: name }));
      }
      await made.close();
      const gc = await cli(["gc", "--keep", "1", "--nats", url, "--pipeline", name], { cwd: dir });
      expect(gc).toMatchObject({ code: 0 });
      expect((await raw.jsm.streams.info("uncouple-replaced-verdicts_2")).state.messages).toBeGreaterThan(1);
    }
    const saved = await cli(["backup", `${name}.tar`, "--nats", url, "--pipeline", name], { cwd: dir });
    expect(saved).toMatchObject({ code: 0 });
    const before = await at(url);
    const wanted = await content(before);
    expect(wanted.verdicts).not.toEqual([]);
    expect(await run(other, "restore", `${name}.tar`)).toMatchObject({ code: 0 });
    const after = await at(other.url);
    expect(await content(after)).toEqual(wanted);
    await Promise.all([before.close(), after.close()]);
  }
  const copy = await connectRaw(other.url);
  await expect(copy.jsm.streams.info("uncouple-replaced-verdicts_2")).rejects.toThrow("stream not found");
  await Promise.all([raw.close(), copy.close(), fixture.close()]);
});
