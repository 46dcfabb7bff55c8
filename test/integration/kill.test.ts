import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type SnapshotManifest, snapshotName } from "../../services/pipeline/manifest.ts";
import type { Run } from "../../services/pipeline/run.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import type { Announcement } from "../../services/registry/registry.ts";
import { connectEvaluator, type RemoteEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { connectTrainer, type RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { type UpOfTest, uncouple, up } from "../helpers/uncouple.ts";

/** Time limit of each wait; far longer than any takes. */
const TIMEOUT_MS = 80_000;
const PIPELINE = `pipeline: kill
data: { source: synthetic, generator: two-stage, seed: 11, rows: 60000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;

const m2Team = (steps: number) => `component: m2
model: { hidden: [16] }
steps: ${steps}
engine: onnx:cpu
`;

let dir: string;
let stack: UpOfTest;
let backplane: JetStreamBackplane;
let m1: RemoteTrainer;
let m2: RemoteTrainer;
let evaluator: RemoteEvaluator;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-kill-"));
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
  await writeFile(join(dir, "m1.yaml"), "component: m1\nmodel: { hidden: [16] }\nsteps: 20000\nengine: onnx:cpu\n");
  await writeFile(join(dir, "m2.yaml"), m2Team(1_000));
  stack = await up(["pipeline.yaml", "m1.yaml", "m2.yaml"], { cwd: dir });
  const { natsUrl, trainers, evaluator: address } = stack.stack;
  backplane = await connectJetStream({ clock: systemClock, url: natsUrl, pipeline: "kill", name: "test" });
  m1 = connectTrainer(trainers.m1 ?? "", { clock: systemClock });
  m2 = connectTrainer(trainers.m2 ?? "", { clock: systemClock });
  evaluator = connectEvaluator(address, { clock: systemClock });
});
afterAll(async () => {
  for (const client of [m1, m2, evaluator]) client.close();
  await backplane.close();
  expect(await stack.end("SIGINT")).toBe(130);
  await rm(dir, { recursive: true, force: true });
});

/** Kills a part of the stack and waits until another process has replaced it. */
async function kill(part: string): Promise<void> {
  const pid = await stack.pidOf(part);
  if (pid === undefined) throw new Error(`${part} is not running`);
  process.kill(pid, "SIGKILL");
  await until(
    `another ${part}`,
    () => stack.pidOf(part),
    (next) => next !== pid,
  );
}

/** Polls, through restarts, until the answer satisfies a condition. */
async function until<T>(what: string, ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const started = performance.now();
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && holds(answer)) return answer;
    if (performance.now() - started > TIMEOUT_MS) throw new Error(`timed out waiting for ${what}:\n${stack.output()}`);
    await sleep(5);
  }
}

/** Returns while the evaluator judges the snapshot, or once it has, if that was too quick to observe. */
const judging = (name: string) =>
  until(
    `judging ${name}`,
    async () => [(await evaluator.status()).state, ...(await backplane.verdicts.list()).map(snapshotName)],
    (said) => said[0] === "evaluating" || said.includes(name),
  );
const ended = ({ state }: Run) => state === "succeeded" || state === "failed" || state === "cancelled";
const endOf = (trainer: RemoteTrainer, id: string) => until(`the end of run ${id}`, () => trainer.getRun(id), ended);
const reaches = (trainer: RemoteTrainer, id: string, step: number) =>
  until(
    `step ${step} of run ${id}`,
    () => trainer.getRun(id),
    (run) => run.step >= step,
  );

test("a stack whose every process is killed while working loses nothing, repeats nothing, and produces the same models", async () => {
  const leaving = new AbortController();
  const seen: Announcement[] = [];
  // Every announced snapshot can be read completely, whatever is being killed.
  const watching = (async () => {
    for await (const announcement of backplane.registry.watch(0, leaving.signal)) {
      const bytes = await until(
        "bytes",
        () => backplane.registry.bytes(announcement.manifest),
        () => true,
      );
      expect(bytes).toHaveLength(announcement.manifest.size);
      seen.push(announcement);
    }
  })();

  const undisturbed = await m1.startRun({});
  const rate = (await reaches(m1, undisturbed.id, 10_000)).stepsPerSecond as number;
  expect(await endOf(m1, undisturbed.id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  // Longer than the five seconds between checkpoints, on any machine.
  const teamFile = m2Team(Math.ceil(8 * rate));
  const long = await m2.startRun({ teamFile });
  const short: Run[] = [];
  for (let i = 0; i < 4; i++) short.push(await m1.startRun({}));
  const after = await m2.startRun({ teamFile });
  const [first, second] = short as [Run, Run, Run, Run];

  await reaches(m1, first.id, 5_000);
  await kill("trainer m1");
  await until(
    "a checkpoint",
    () => checkpoints(long.id),
    (files) => files.includes("checkpoint.bin"),
  );
  await kill("trainer m2");
  await endOf(m1, first.id);
  await judging("m1@2");
  await kill("evaluator");
  await reaches(m1, second.id, 1_000);
  await kill("nats-server");
  await judging("m1@4");
  await kill("nats-server");
  await judging("m1@5");
  await kill("evaluator");

  for (const [trainer, { id }] of [
    ...short.map((run) => [m1, run] as const),
    [m2, long] as const,
    [m2, after] as const,
  ]) {
    expect(await endOf(trainer, id)).toMatchObject({ state: "succeeded", error: null });
  }
  const manifests = await until(
    "seven snapshots",
    () => backplane.registry.list(),
    (all) => all.length === 7,
  );
  await until(
    "seven verdicts",
    async () => (await backplane.verdicts.list()).length + (await backplane.quarantines.list()).length,
    (count) => count >= 7,
  );
  await until(
    "an empty queue",
    () => backplane.workQueue("evaluator").pending(),
    (pending) => pending === 0,
  );
  await until(
    "seven announcements",
    async () => seen.length,
    (count) => count === 7,
  );
  leaving.abort();
  await watching;

  // No serial is missing or duplicated, and watchers see the same order.
  const serials = (component: string) =>
    manifests.filter((one) => one.component === component).map(({ serial }) => serial);
  expect(serials("m1")).toEqual([1, 2, 3, 4, 5]);
  expect(serials("m2")).toEqual([1, 2]);
  expect(seen.map(({ manifest }) => manifest)).toEqual(manifests);
  expect(manifests.map(({ runId }) => runId).sort()).toEqual(
    [undisturbed, long, after, ...short].map(({ id }) => id).sort(),
  );

  // Interrupted runs produce the same bits as undisturbed ones.
  const digests = (component: string) =>
    new Set(manifests.filter((one) => one.component === component).map(({ digest }) => digest));
  expect(digests("m1").size).toBe(1);
  expect(digests("m2").size).toBe(1);
  expect(await readFile(join(stack.dir, "logs/trainer-m2.log"), "utf8")).toMatch(/"run [^"]* resumes at step [1-9]/);

  // One verdict each, also in the underlying stream.
  const names = (ones: readonly Pick<SnapshotManifest, "component" | "serial">[]) => ones.map(snapshotName).sort();
  expect(names(await backplane.verdicts.list())).toEqual(names(manifests));
  expect(await backplane.quarantines.list()).toEqual([]);
  const raw = await connectRaw(stack.stack.natsUrl);
  expect(await raw.count("uncouple-kill-verdicts", ">")).toBe(7);
  await raw.close();

  // The CLI shows all of it.
  const { code, stdout, stderr } = await uncouple(["verdicts", "--json"], { cwd: dir });
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toHaveLength(7);
  expect(stack.output()).toMatch(/trainer m1 was killed by .*; restarting it/);
  for (const part of ["trainer m1", "trainer m2", "evaluator", "nats-server"])
    expect(stack.output()).toContain(`${part} is running again`);
}, 240_000);

/** The files of a run; a file being written has a temporary name. */
async function checkpoints(run: string): Promise<readonly string[]> {
  return readdir(join(stack.dir, "state/kill/m2/runs", run));
}
