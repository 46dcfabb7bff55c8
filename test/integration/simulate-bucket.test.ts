import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { natsServerVersion } from "../../services/cli/stack/durability.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { openObjectBucket } from "../../services/registry/jetstream/object-bucket.ts";
import { cli } from "../helpers/cli.ts";
import { startAccountsNats } from "../helpers/nats-accounts.ts";
import { natsServerBinary, startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

/** Two policies on six seeds. */
const SCENARIO = `scenario: small
teams: 4
edges: diamond
training: { hidden: [8], steps: 20, rows: 300, held_out: 200 }
cadence: { every: 2 }
policies: [async, blend:0.5]
seeds: 6
ticks: 6
`;
/** Parts of one of two shards. */
const SHARE = 6;
const USER = { name: "simulator", password: "pass/word" };

let dir: string;
let nats: TestNats;
/** host:port */
let host: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-simulate-"));
  await writeFile(join(dir, "small.yaml"), SCENARIO);
  nats = await startTestNats(USER);
  host = new URL(nats.url).host;
  expect(await simulate("small.yaml", "--out", "whole", "--jobs", "1")).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

const place = (bucket: string) => `nats://${USER.name}:${encodeURIComponent(USER.password)}@${host}/${bucket}`;
const simulate = (...args: string[]) => cli(["simulate", ...args], { cwd: dir });
const shardArgs = (text: string, bucket: string) => [
  ...["simulate", "small.yaml", "--jobs", "1", "--shard", text, "--out", place(bucket)],
];
const shard = (text: string, bucket: string, ...more: string[]) =>
  cli([...shardArgs(text, bucket), ...more], { cwd: dir });

const file = async (folder: string, name: string) => {
  const text = await readFile(join(dir, folder, name), "utf8");
  return name === "results.json" ? text.replace(/"seconds": [\d.e-]+\n/, "") : text;
};

const connectClient = () => connect({ servers: nats.url, user: USER.name, pass: USER.password });

/** The names of the parts in a bucket, as an object store lists them. */
async function partsIn(bucket: string): Promise<readonly string[]> {
  const client = await connectClient();
  try {
    const store = await client.jetstream().views.os(bucket);
    const names = (await store.list()).map(({ name }) => name.replace(/\/.*/, ""));
    return names.filter((name) => /^\d+-/.test(name)).sort();
  } finally {
    await client.close();
  }
}

test("shards that were killed resume from a bucket, and merge into the results of one process, byte for byte", async () => {
  const bucket = "killed";
  for (const index of [0, 1]) {
    const { child, ended } = spawnCli(shardArgs(`${index}/2`, bucket), { cwd: dir });
    const before = index * SHARE;
    while (child.exitCode === null && (await partsIn(bucket).catch(() => [])).length === before) await sleep(5);
    child.kill("SIGKILL");
    await ended;
    const kept = (await partsIn(bucket)).length - before;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(SHARE);
    const missing = await simulate("merge", place(bucket), "--out", "merged");
    expect(missing.code).toBe(5);
    expect(missing.stderr).toBe(
      `uncouple: ${2 * SHARE - before - kept} of 12 parts are missing; run --shard ${index === 0 ? "0/2, 1/2" : "1/2"} again\n`,
    );
    const resumed = await shard(`${index}/2`, bucket);
    expect(resumed).toMatchObject({ code: 0, stdout: `6 of 12 parts: nats://${host}/${bucket}\n` });
    expect(resumed.stderr.split("\n")[0]).toBe(`${kept * 6} of 36 ticks done`);
  }
  // Once each, although shards were repeated.
  expect(await partsIn(bucket)).toEqual(
    [1, 2, 3, 4, 5, 6].flatMap((seed) => [`${seed}-async.json`, `${seed}-blend-0.5.json`]),
  );
  expect(await simulate("merge", place(bucket), "--out", "merged")).toMatchObject({ code: 0 });
  for (const name of ["results.json", "runs.json", "losses.csv", "league.csv", "events.csv", "scenario.yaml"]) {
    expect(await file("merged", name)).toBe(await file("whole", name));
  }
});

describe("a bucket", () => {
  test("takes parts of one simulation, and a damaged part is simulated again", async () => {
    const bucket = "damaged";
    expect((await shard("0/12", bucket)).code).toBe(0);
    const other = await shard("1/12", bucket, "--ticks", "5");
    expect(other.code).toBe(5);
    expect(other.stderr).toBe(
      `uncouple: nats://${host}/${bucket} has unfinished parts of another scenario; remove it to start again, or choose another bucket with --out\n`,
    );
    const client = await connectClient();
    const [part] = (await (await client.jetstream().views.os(bucket)).list()).filter(({ name }) =>
      name.startsWith("1-"),
    );
    const { streams } = await client.jetstreamManager();
    await streams.purge(`OBJ_${bucket}`, { filter: `$O.${bucket}.C.${part?.nuid}` });
    await client.close();
    const again = await shard("0/12", bucket);
    expect(again.stderr.split("\n")[0]).toBe("0 of 6 ticks done");
    // The second copy is intact.
    expect((await shard("0/12", bucket)).stderr).toBe("6 of 6 ticks done\n");
  });

  test("keeps files of several chunks, and every write of a name", async () => {
    const credentials = { user: USER.name, password: USER.password };
    const url = `nats://${host}`;
    const options = { url, credentials, bucket: "large", clock: systemClock, name: "test", create: true };
    const objects = await openObjectBucket(options);
    const large = Uint8Array.from({ length: 3_000_001 }, (_, at) => at % 251);
    await objects.write("a/b c.json", large);
    await objects.write("a/b c.json", Uint8Array.of(1));
    await objects.write("empty", new Uint8Array());
    const read = await objects.read("a/b c.json");
    expect(read).toHaveLength(2);
    // Comparing large arrays element by element is slow.
    expect(read.filter((bytes) => Buffer.from(bytes).equals(large))).toHaveLength(1);
    expect(await objects.read("empty")).toEqual([new Uint8Array()]);
    expect(await objects.read("a")).toEqual([]);
    await objects.close();
  });
});

test("a bucket needs a user who may create it, who is none of a pipeline's", async () => {
  const binary = await natsServerBinary();
  const server = await startAccountsNats({ binary, version: (await natsServerVersion(binary)) ?? "" }, { tls: false });
  onTestFinished(() => server.stop());
  const address = new URL(server.url).host;
  const to = (user: string, ...access: string[]) =>
    simulate(
      ...["small.yaml", "--ticks", "1", "--jobs", "1", "--shard", "0/12"],
      ...["--out", `nats://${user}${address}/organization`, ...access],
    );
  const refused = (why: string) =>
    `uncouple: the bucket organization needs a user who may create streams: the NATS server at nats://${address} ${why}; give it an account of its own (docs/simulator.md)\n`;
  const team = await to("", "--nats-nkey", server.keyFile("m1"));
  expect(team).toEqual({ code: 5, stdout: "", stderr: refused("has no JetStream in this account") });
  const operator = await to("", "--nats-nkey", server.keyFile("operator"));
  expect(operator).toEqual({ code: 5, stdout: "", stderr: refused("does not permit it") });
  const own = '  SIMULATION { jetstream: enabled, users: [ { user: "simulator", password: "secret" } ] }\n';
  await server.edit((accounts) => accounts.replace("accounts {\n", `accounts {\n${own}`));
  expect(await to("simulator:secret@")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 of 12 parts: /) });
});

test("a shard waits for a server that is away", async () => {
  const { child, ended, stdout, stderr } = spawnCli(shardArgs("0/2", "away"), { cwd: dir });
  while (child.exitCode === null && (await partsIn("away").catch(() => [])).length === 0) await sleep(5);
  await nats.kill();
  await sleep(500);
  await nats.restart();
  expect(await ended).toBe(0);
  expect(stdout()).toBe(`6 of 12 parts: nats://${host}/away\n`);
  expect(stderr()).not.toContain("uncouple:");
  expect(await partsIn("away")).toHaveLength(SHARE);
});
