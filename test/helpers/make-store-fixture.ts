import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startNatsServer } from "../../services/cli/stack/nats-server.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type SnapshotDraft, snapshotName } from "../../services/pipeline/manifest.ts";
import { hasEnded, type Run } from "../../services/pipeline/run.ts";
import { natsServerBinary } from "./nats-server.ts";
import { FOLDER, type ManifestVersion1, type StoreExpectation } from "./store-fixture.ts";
import { dumpStreams } from "./stream-files.ts";

/**
 * Makes a store fixture with the program of any checkout that is built:
 *
 *     npx tsx test/helpers/make-store-fixture.ts CHECKOUT test/fixtures/store-VERSION
 *
 * Runs a stack that trains, evaluates, receives a broken snapshot and alias changes, and stops in the middle of a run.
 * Records what the commands print before that run, then the store and the folder, then the snapshot that the same
 * program publishes when it resumes the run.
 */
const [checkout, destination] = process.argv.slice(2).map((path) => resolve(path));
if (checkout === undefined || destination === undefined)
  throw new Error("usage: make-store-fixture.ts CHECKOUT FIXTURE");
const PIPELINE = "fixture";

const FILES: Readonly<Record<string, string>> = {
  "pipeline.yaml": `pipeline: ${PIPELINE}
data: { source: synthetic, generator: two-stage, seed: 11, rows: 400, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`,
  "m1.yaml": "component: m1\nmodel: linear\nsteps: 60\nengine: onnx:cpu\n",
  "m1-module.yaml": "component: m1\nmodel: { module: ./model.mjs }\nsteps: 60\nengine: onnx:cpu\n",
  // The reference engine computes in JavaScript, so that every machine gets the same bits.
  "m1-long.yaml": "component: m1\nmodel: { hidden: [8] }\nbatch: 16\nsteps: 1000\nengine: reference\n",
  "m2.yaml":
    "component: m2\nmodel: { hidden: [8] }\nsteps: 60\nengine: onnx:cpu\nprotocol: { name: proximal, sigma: 0.15 }\ntrain: on-upstream\n",
  "m2-causal.yaml":
    "component: m2\nmodel: { hidden: [8] }\nsteps: 600\nengine: onnx:cpu\nprotocol: { name: causal-proximal, sigma: 0.2 }\n",
  "model.mjs": `export const buildModel = (tf, { inputs, outputs, seed }) =>
  tf.sequential({
    layers: [
      tf.layers.dense({
        units: 4,
        activation: "elu",
        inputShape: [inputs],
        kernelInitializer: tf.initializers.heNormal({ seed }),
      }),
      tf.layers.dense({ units: outputs }),
    ],
  });
`,
};
/** What each component predicts from. */
const ROWS = {
  m1: [0, 1].map((row) => ({ x1: Array.from({ length: 10 }, (_, i) => (i - 4 * row) / 4) })),
  m2: [0, 1].map((row) => ({ x2: [0.5, -1, row, 0.25, 2], z: [0.5, -0.5, row - 0.5] })),
};

const main = join(checkout, "dist/services/cli/main.js");
const env = { PATH: process.env.PATH, HOME: process.env.HOME, USER: "ann", UNCOUPLE_DIR: "stack", NO_COLOR: "1" };
const folder = await mkdtemp(join(tmpdir(), "uncouple-fixture-"));

async function uncouple(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [main, ...args], { cwd: folder, env })).stdout;
}
const ask = async <T>(...args: readonly string[]) => JSON.parse(await uncouple(...args, "--json")) as T;

async function up(): Promise<ChildProcess> {
  const args = [main, "up", "pipeline.yaml", "m1.yaml", "m2.yaml", "--max-store-bytes", String(16 * 1024 ** 2)];
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  // Also when this script fails.
  process.once("exit", () => child.kill("SIGINT"));
  for (let said = ""; !said.includes("Ctrl-C stops it"); ) said += String((await once(child.stdout, "data"))[0]);
  child.stdout.resume();
  return child;
}

async function stop(stack: ChildProcess): Promise<void> {
  stack.kill("SIGINT");
  await once(stack, "exit");
}

async function until<T>(what: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await what();
    if (holds(answer)) return answer;
    await sleep(100);
  }
}

type SnapshotRow = StoreExpectation["snapshots"][number] & { readonly verdict: string | null };
const snapshots = () => ask<readonly SnapshotRow[]>("snapshots");
/** Waits until there are that many snapshots, all with a verdict or quarantined. */
const judged = (count: number) =>
  until(snapshots, (rows) => rows.length === count && rows.every(({ verdict }) => verdict !== null));

/** Starts a run, and returns its id as soon as it has done more than that share of its steps. */
async function trainUntil(share: number, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [main, "train", ...args, "--follow", "--json"], { cwd: folder, env });
  try {
    for await (const line of createInterface(child.stdout)) {
      const { id, step, steps } = JSON.parse(line) as Run;
      if (step > share * steps) return id;
    }
  } finally {
    child.kill();
  }
  throw new Error("the run has ended before it could be interrupted");
}

/** Imports a module of the checkout; the types are those of this source tree. */
const built = async <T>(path: string) => (await import(pathToFileURL(join(checkout, "dist/services", path)).href)) as T;

/** Bytes that are not a model, as the next snapshot of m2. */
async function publishBroken(): Promise<void> {
  const { connectJetStream } = await built<typeof import("../../services/registry/jetstream/backplane.ts")>(
    "registry/jetstream/backplane.js",
  );
  const { natsUrl } = JSON.parse(await readFile(join(folder, "stack/stack.json"), "utf8")) as { natsUrl: string };
  const backplane = await connectJetStream({ clock: systemClock, url: natsUrl, pipeline: PIPELINE, name: "fixture" });
  const last = await backplane.registry.latest("m2");
  if (last === undefined) throw new Error("m2 has published nothing");
  // Everything but what the registry assigns, whatever the version of the format.
  const assigned = ["version", "serial", "parent", "digest", "size", "publishedAt"];
  const draft = Object.fromEntries(Object.entries(last).filter(([key]) => !assigned.includes(key)));
  const broken = { ...draft, runId: "broken" } as unknown as SnapshotDraft;
  await backplane.registry.publish(broken, Buffer.from("not a model"), "any");
  await backplane.close();
}

/** Of every snapshot that is not quarantined. */
async function predictions(rows: readonly SnapshotRow[]): Promise<StoreExpectation["predictions"]> {
  const found: Record<string, StoreExpectation["predictions"][string]> = {};
  for (const { manifest, verdict } of rows) {
    if (verdict === "quarantined") continue;
    const name = snapshotName(manifest);
    const inputs = ROWS[manifest.component as keyof typeof ROWS];
    await writeFile(join(folder, "rows.json"), JSON.stringify(inputs));
    const { values } = await ask<{ values: number[][] }>("predict", name, "rows.json");
    found[name] = { rows: inputs, values };
  }
  return found;
}

const keyed = async <T>(keys: readonly string[], value: (key: string) => Promise<T>) =>
  Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await value(key)] as const)));

/** Removes what tells of this machine: folders, host name, process ids. */
const scrub = (text: string) =>
  text
    .replaceAll(folder, FOLDER)
    .replaceAll(new RegExp(`${hostname().replaceAll(".", "\\.")}-\\d+`, "g"), "evaluator-1")
    .replaceAll(/"pid":( ?)\d+/g, '"pid":$11')
    .replaceAll(/"host":"[^"]*"/g, '"host":"host"');

const write = async (path: string, text: string) => {
  await mkdir(dirname(join(destination, path)), { recursive: true });
  await writeFile(join(destination, path), scrub(text));
};

for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
for (const part of ["files", "streams", "expected.json"])
  await rm(join(destination, part), { recursive: true, force: true });
let stack = await up();

await uncouple("train", "m1", "--follow");
await judged(2); // m2 trains when m1 publishes.
await uncouple("train", "m1", "--team", "m1-module.yaml", "--follow");
await judged(4);
await uncouple("train", "m2", "--team", "m2-causal.yaml", "--follow");
await publishBroken();
const rows = await judged(6);
await uncouple("alias", "m1", "champion", "1", "--reason", "passed the audit");
await uncouple("alias", "m1", "champion", "2");
await uncouple("rollback", "m1", "--reason", "too early");
await uncouple("alias", "m2", "candidate", "3");
await uncouple("alias", "m2", "candidate", "--remove");
const before = {
  snapshots: await snapshots(),
  verdicts: await ask<readonly object[]>("verdicts"),
  show: await keyed(
    rows.map(({ manifest }) => snapshotName(manifest)),
    (name) => ask<StoreExpectation["show"][string]>("show", name),
  ),
  aliases: await keyed(["m1", "m2"], (component) => ask<unknown>("alias", component)),
  runs: await ask<readonly Run[]>("runs"),
  predictions: await predictions(rows),
};

const id = await trainUntil(0.8, "m1", "--team", "m1-long.yaml");
await write("files/stack/stack.json", await readFile(join(folder, "stack/stack.json"), "utf8"));
await stop(stack);

const nats = await startNatsServer({
  clock: systemClock,
  binary: await natsServerBinary(),
  storeDir: join(folder, "stack/nats"),
});
for (const [name, text] of await dumpStreams(nats.url, scrub)) await write(`streams/${name}.jsonl`, text);
await nats.stop();
for (const [name, text] of Object.entries(FILES)) await write(`files/${name}`, text);
const state = join(folder, "stack/state");
for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const to = join("files/stack/state", relative(state, path));
  if (entry.name.endsWith(".bin")) await cp(path, join(destination, to), { recursive: true });
  else await write(to, await readFile(path, "utf8"));
}
const { decodeCheckpoint } = await built<typeof import("../../services/trainer/checkpoints/checkpoint-codec.ts")>(
  "trainer/checkpoints/checkpoint-codec.js",
);
const { step } = await decodeCheckpoint(await readFile(join(state, PIPELINE, "m1/runs", id, "checkpoint.bin")));

stack = await up();
const { state: end, snapshot } = await until(() => ask<Run>("runs", id), hasEnded);
if (end !== "succeeded") throw new Error(`the resumed run has ${end}`);
const { manifest: published } = await ask<{ manifest: ManifestVersion1 }>("show", `m1@${snapshot}`);
await stop(stack);
const expected: StoreExpectation = { ...before, interrupted: { id, step, published } };
await write("expected.json", `${JSON.stringify(expected, undefined, 2)}\n`);
await rm(folder, { recursive: true, force: true });
