import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { retry } from "../../../services/common/async/retry.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import type { Logged, Verdict } from "../../../services/pipeline/verdict.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { openLink } from "../../helpers/cuttable-link.ts";
import { draft, model, quarantine, tombstone, verdict } from "../../helpers/drafts.ts";
import { seededRandom } from "../../helpers/faulty-backplane.ts";
import { createFirstStreams } from "../../helpers/first-streams.ts";
import { type Fault, startNatsProxy } from "../../helpers/nats-proxy.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw, type RawNats } from "../../helpers/raw-nats.ts";
import { take } from "../../helpers/take.ts";

const never = new AbortController().signal;
let server: TestNats;
let raw: RawNats;
beforeAll(async () => {
  server = await startTestNats();
  raw = await connectRaw(server.url);
});
afterAll(async () => {
  await raw.close();
  await server.stop();
});

const open = (pipeline: string, minutesAhead = 0, { url } = server, report = (_: string) => {}) =>
  connectJetStream({
    clock: { ...systemClock, now: () => systemClock.now() + minutesAhead * 60_000 },
    ...{ url, pipeline, name: "test", maxStoreBytes: 16 * 1024 ** 2, log: (_, message) => report(message) },
  });
const bury = async ({ retention }: JetStreamBackplane, pipeline: string, serial: number) =>
  retention.delete(tombstone("m1", serial, { pipeline }), (await retention.state()).position);
const streams = async (pipeline: string) =>
  (await raw.jsm.streams.names().next())
    .filter((name) => /verdicts|quarantines|aliases/.test(name) && name.startsWith(`uncouple-${pipeline}-`))
    .sort();

/** A pipeline with first streams: eight snapshots, all with verdicts, some of them deleted, and changes of the champion. */
async function firstStore(pipeline: string): Promise<JetStreamBackplane> {
  await createFirstStreams(raw, pipeline);
  const backplane = await open(pipeline);
  for (let serial = 1; serial <= 8; serial++) {
    await backplane.registry.publish(draft({ pipeline, runId: `run-${serial}` }), model(serial), "any");
    await backplane.verdicts.append(verdict("m1", serial, { pipeline }));
    if (serial % 2 === 0) await backplane.quarantines.append(quarantine("m1", serial, { pipeline }));
    await backplane.registry.setAlias("m1", "champion", serial, serial === 1 ? null : serial - 1, "test");
  }
  for (const serial of [1, 2, 3]) await bury(backplane, pipeline, serial);
  return backplane;
}
const positions = (entries: readonly Logged<{ readonly serial: number | null }>[]) =>
  entries.map(({ position, value }) => [position, value.serial]);
/** What is left of `firstStore`, as [position, serial]. */
const leftVerdicts = [4, 5, 6, 7, 8].map((serial) => [serial, serial]);
const leftQuarantines = [4, 6, 8].map((serial) => [serial / 2, serial]);
const leftChanges = [3, 4, 5, 6, 7, 8].map((serial) => [serial, serial]);
/** A watch alone would show changes that this process holds in memory. */
const readChanges = async ({ registry }: JetStreamBackplane) =>
  positions(await take(registry.watchAliases(0, never), (await registry.aliasLog("m1")).length));
const readAll = async <T extends { readonly serial: number | null }>(entries: AsyncIterable<Logged<T>>) => {
  const all: Logged<T>[] = [];
  for await (const entry of entries) all.push(entry);
  return positions(all);
};

/** Each step of a succession and of the removal, by what is reported of it. */
const STEPS = {
  "a successor is created": "verdicts_2 copies",
  "its copies are compared": "verdicts_2 has 8 messages",
  "the first stream is frozen": "verdicts takes no more messages",
  "readers are pointed at the successor": "verdicts ends with a pointer",
  "the rest is compared": "verdicts_2 has all 9",
  "the successor is opened": "verdicts_2 takes the messages",
  "the removal begins": "verdicts_2: removing 3 of 8",
  "the quarantines' first stream is frozen": "quarantines takes no more messages",
} as const;
/** One unless told otherwise; `npm run test:faults` runs 13, and the deaths after every step. */
const schedules = Array.from(
  { length: Math.ceil(Number(process.env.FAULT_SCHEDULES ?? 80) / 80) },
  (_, seed) => seed + 1,
);
const everyStep = process.env.FAULT_SCHEDULES !== undefined;
const steps = everyStep ? (Object.keys(STEPS) as (keyof typeof STEPS)[]) : (["the rest is compared"] as const);

test.concurrent.each(steps)(
  "SIGKILL after %s: the next compaction completes it, and nothing is lost",
  async (step) => {
    const pipeline = `killed-${Object.keys(STEPS).indexOf(step)}`;
    const running = await firstStore(pipeline);
    const watched = take(running.verdicts.watch(0, never), 10);
    await kill([pipeline, STEPS[step]]);

    // A verdict that is appended now is stored at once, or as soon as there is a stream that takes it.
    const appended = running.verdicts.append(verdict("m1", 9, { pipeline }));
    const between = await open(pipeline);
    expect((await between.verdicts.get("m1", 8))?.serial).toBe(8);
    await between.compaction.resume(never);
    expect(await appended).toBe(true);
    const next = await open(pipeline);
    await next.compaction.compact(1, never);
    // After the pointer, or before.
    const ninth = await readAll(next.verdicts.read(9));
    expect([[[9, 9]], [[10, 9]]]).toContainEqual(ninth);
    for (const backplane of [running, between, next, await open(pipeline)]) {
      expect(await readAll(backplane.verdicts.read(0))).toEqual([...leftVerdicts, ...ninth]);
      expect(await readAll(backplane.quarantines.read(0))).toEqual(leftQuarantines);
      expect(await readChanges(backplane)).toEqual(leftChanges);
      expect(await backplane.registry.aliases("m1")).toEqual({ champion: 8 });
      expect(await backplane.verdicts.get("m1", 1)).toBeUndefined();
      expect(await backplane.compaction.compact(1, never)).toEqual([]);
      if (backplane !== running) await backplane.close();
    }
    expect(await running.verdicts.append(verdict("m1", 10, { pipeline }))).toBe(true);
    const seen = positions(await watched);
    expect(seen.slice(0, 9)).toEqual([...[1, 2, 3, 4, 5, 6, 7, 8].map((serial) => [serial, serial]), ...ninth]);
    expect(seen.map(([, serial]) => serial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await running.close();
  },
  60_000,
);

/** Runs a compaction in a process that is killed after a step. */
async function kill(given: readonly string[]): Promise<void> {
  const client = join(import.meta.dirname, "../../helpers/compaction-client.ts");
  const victim = spawn(process.execPath, ["--import", "tsx", client, server.url, ...given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(victim.stdout, "data");
  expect(String(said)).toBe("ready\n");
  victim.kill("SIGKILL");
  await once(victim, "exit");
}

test.concurrent("while a log is compacted, judges, promoters and watchers go on, and nothing that is needed is lost", async () => {
  const pipeline = "busy";
  const compacting = await firstStore(pipeline);
  const [judging, promoting, watching] = await Promise.all([open(pipeline), open(pipeline), open(pipeline)]);
  /** The last serial that is judged, once enough has been removed and promoted meanwhile. */
  let last = Number.POSITIVE_INFINITY;
  const done = new AbortController();
  const seen: Logged<Verdict>[] = [];
  const follow = async () => {
    for await (const entry of watching.verdicts.watch(0, done.signal)) {
      seen.push(entry);
      if (entry.value.serial === last) return;
    }
  };
  const judge = async () => {
    for (let serial = 9; serial <= last; serial++) {
      if (removed >= 20 && changes.length >= 10) last = serial;
      expect(await judging.verdicts.append(verdict("m1", serial, { pipeline }))).toBe(true);
    }
  };
  const changes: (number | null)[] = [];
  const promote = async () => {
    // Between the two that stay.
    for (let now = 8; !done.signal.aborted; now = 12 - now) {
      const { serial } = await promoting.registry.setAlias("m1", "champion", 12 - now, now, "test");
      changes.push(serial);
    }
  };
  const buried = new Set([1, 2, 3]);
  let removed = 0;
  const compact = async () => {
    while (!done.signal.aborted) {
      for (const { value } of seen.slice(0, -3)) {
        if (buried.has(value.serial) || value.serial % 4 === 0) continue;
        expect(await bury(compacting, pipeline, value.serial)).toBe(true);
        buried.add(value.serial);
      }
      for (const one of await compacting.compaction.compact(1, never)) {
        if (one.log === "verdicts") removed += one.removed;
      }
    }
  };
  const others = [promote(), compact()];
  await Promise.all([follow(), judge()]);
  done.abort();
  await Promise.all(others);

  expect(seen.map(({ value }) => value.serial)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  // The pointer has a position, too.
  const pointer = positions(seen).findIndex(([position, serial]) => position !== serial) + 1;
  const everything = seen.map(({ value: { serial } }) => [
    pointer > 0 && serial >= pointer ? serial + 1 : serial,
    serial,
  ]);
  expect(positions(seen)).toEqual(everything);
  await compacting.compaction.compact(1, never);
  const fresh = await open(pipeline);
  const left = everything.filter(([, serial]) => !buried.has(serial as number));
  for (const { verdicts, registry } of [compacting, judging, promoting, watching, fresh]) {
    expect(await readAll(verdicts.read(0))).toEqual(left);
    expect(await registry.aliases("m1")).toEqual({ champion: changes.at(-1) });
    const log = await registry.aliasLog("m1");
    expect(log.length).toBeGreaterThanOrEqual(4);
    expect(log.length).toBeLessThan(changes.length);
    expect(log.map(({ serial }) => serial)).toEqual(changes.slice(-log.length));
  }
  expect((await fresh.registry.rollback("m1", "champion", "test")).serial).toBe(changes.at(-2));
  for (const backplane of [compacting, judging, promoting, watching, fresh]) await backplane.close();
}, 60_000);

test.concurrent("the first stream is deleted ten minutes later, and whoever followed it goes on with its successor", async () => {
  const pipeline = "minutes";
  const running = await firstStore(pipeline);
  const link = await openLink(Number(new URL(server.url).port));
  const away = await open(pipeline, 0, { ...server, url: `nats://127.0.0.1:${link.port}` });
  expect(await readAll(away.verdicts.read(0))).toHaveLength(8);
  const watched = take(away.verdicts.watch(9, never), 1);
  link.cut();
  const first = await raw.jsm.streams.info(`uncouple-${pipeline}-verdicts`);
  const early = await open(pipeline, 9);
  await early.compaction.compact(1, never);
  const both = ["aliases", "quarantines", "verdicts"].flatMap((kind) => [
    `uncouple-${pipeline}-${kind}`,
    `uncouple-${pipeline}-${kind}_2`,
  ]);
  expect(await streams(pipeline)).toEqual(both);
  await early.compaction.resume(never);
  expect(await streams(pipeline)).toEqual(both);
  if (everyStep) {
    await kill([pipeline, `deleted uncouple-${pipeline}-verdicts:`, "11"]);
    expect(await streams(pipeline)).toHaveLength(5);
  }
  const late = await open(pipeline, 11);
  await late.compaction.resume(never);
  expect(await streams(pipeline)).toEqual(both.filter((name) => name.endsWith("_2")));
  const successor = await raw.jsm.streams.info(`uncouple-${pipeline}-verdicts_2`);
  expect(successor.config.description).toContain(String(first.created));
  expect(successor.config).toMatchObject({ deny_delete: false, deny_purge: true, subjects: first.config.subjects });

  link.mend();
  const fresh = await open(pipeline);
  for (const { verdicts } of [running, early, late, away, fresh]) {
    expect(await readAll(verdicts.read(0))).toEqual(leftVerdicts);
  }
  expect(await running.verdicts.append(verdict("m1", 9, { pipeline }))).toBe(true);
  expect((await late.verdicts.get("m1", 9))?.serial).toBe(9);
  expect((await watched)[0]).toMatchObject({ position: 10, value: { serial: 9 } });
  expect(await streams(pipeline)).toHaveLength(3);
  for (const backplane of [running, early, late, away, fresh]) await backplane.close();
  await link.close();
}, 60_000);

test.concurrent("a successor that takes the place of another stream is data loss", async () => {
  const pipeline = "replaced";
  const running = await firstStore(pipeline);
  expect(await running.verdicts.list()).toHaveLength(8);
  const name = `uncouple-${pipeline}-verdicts`;
  const { config } = await raw.jsm.streams.info(name);
  await raw.jsm.streams.delete(name);
  await raw.jsm.streams.add({ ...config, name: `${name}_2`, description: `Takes the place of ${name}, created then.` });
  for (let serial = 1; serial <= 9; serial++) {
    const value = JSON.stringify(verdict("m1", serial, { pipeline }));
    await raw.nc.request(`uncouple.${pipeline}.verdicts.m1.${serial}`, value);
  }
  await expect(running.verdicts.list()).rejects.toMatchObject({ code: "data-loss" });
  // A new process has seen no other one.
  const fresh = await open(pipeline);
  expect(await fresh.verdicts.list()).toHaveLength(9);
  await running.close();
  await fresh.close();
});

test.concurrent("a stream that an administrator uses otherwise is left as it is", async () => {
  const pipeline = "others";
  const running = await firstStore(pipeline);
  const name = `uncouple-${pipeline}-verdicts`;
  await raw.jsm.streams.update(name, { subjects: [`uncouple.${pipeline}.verdicts.>`, "mine"] });
  await expect(running.compaction.compact(1, never)).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("has other subjects than uncouple.others.verdicts.>"),
  });
  expect(await running.verdicts.list()).toHaveLength(8);
  expect(await streams(pipeline)).toHaveLength(3);
  await running.close();
});

test.concurrent.each(schedules)(
  "a compaction over a bad network goes on until it is done, schedule %s",
  async (seed) => {
    const pipeline = `faults-${seed}`;
    const running = await firstStore(pipeline);
    const random = seededRandom(seed);
    let ready = false;
    let faults = 0;
    const proxy = await startNatsProxy(server.url, (subject): Fault | undefined => {
      if (!ready || !/STREAM\.(INFO|CREATE|UPDATE|MSG)|-archive/.test(subject) || random() > 0.08) return undefined;
      faults++;
      return (["lose", "lose the answer", "repeat"] as const)[Math.floor(random() * 3)];
    });
    const compacting = await open(pipeline, 0, { ...server, url: proxy.url });
    ready = true;
    await retry({ clock: systemClock, limitMs: 60_000, firstDelayMs: 10, longestDelayMs: 100, jitter: 0 }, () =>
      compacting.compaction.compact(1, never),
    );
    ready = false;
    expect(faults).toBeGreaterThan(0);
    for (const backplane of [running, compacting, await open(pipeline)]) {
      expect(await readAll(backplane.verdicts.read(0))).toEqual(leftVerdicts);
      expect(await readAll(backplane.quarantines.read(0))).toEqual(leftQuarantines);
      expect(await readChanges(backplane)).toEqual(leftChanges);
      await backplane.close();
    }
    await proxy.close();
  },
  60_000,
);

test.concurrent("a copy that has other messages never takes over: it is made again", async () => {
  const pipeline = "different";
  const running = await firstStore(pipeline);
  const name = `uncouple-${pipeline}-verdicts`;
  const { config, created } = await raw.jsm.streams.info(name);
  const description = `Takes the place of ${name}, created ${created}.`;
  const copy = { ...config, name: `${name}_2`, description, deny_delete: false, deny_purge: false };
  await raw.jsm.streams.add({ ...copy, subjects: ["different"] });
  await raw.nc.request("different", "a message that is not in the first stream");
  await raw.jsm.streams.update(copy.name, { ...copy, subjects: [], sources: [{ name }] });
  const reports: string[] = [];
  const compacting = await open(pipeline, 0, server, (message) => reports.push(message));
  await compacting.compaction.compact(1, never);
  expect(reports).toContainEqual(expect.stringContaining(`differs from ${name} at 1; copying it again`));
  for (const { verdicts } of [running, compacting]) expect(await readAll(verdicts.read(0))).toEqual(leftVerdicts);
  await running.close();
  await compacting.close();
});
