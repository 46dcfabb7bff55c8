import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { freePort } from "../helpers/free-port.ts";
import { startAccountsNats } from "../helpers/nats-accounts.ts";
import { startNatsCluster } from "../helpers/nats-cluster.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { endOf, openTrainerWorld, runThat, type TrainerProcess } from "../helpers/trainer-world.ts";

const newest = (await natsVersions()).at(-1);
if (newest === undefined) throw new Error("no nats-server");

const started: CliProcess[] = [];
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});
const spawnService = (args: readonly string[], cwd?: string): CliProcess => {
  const service = spawnCli([...args, "--metrics-port", "0"], { ...(cwd !== undefined && { cwd }) });
  started.push(service);
  return service;
};
const train = async ({ client }: TrainerProcess) => (await endOf(client, (await client.startRun({})).id)).snapshot;
const open = (url: string, pipeline: string) =>
  connectJetStream({ clock: systemClock, url, pipeline, name: "test", create: false });
const judged = async ({ verdicts }: Backplane, count: number) => {
  while ((await verdicts.list()).length < count) await systemClock.sleep(50);
  return verdicts.list();
};

test("a NATS cluster loses a node, and then everything", async () => {
  const cluster = await startNatsCluster(newest);
  const world = await openTrainerWorld(cluster.url, "lossy", { judged: false });
  const evaluate = () =>
    spawnService(["evaluator", "--pipeline", world.pipelineFile, "--nats", cluster.url, "--port", "0"]);
  const evaluator = evaluate();
  const trainer = await world.spawn("m1");
  expect(await train(trainer)).toBe(1);
  const [lost, ...others] = cluster.servers;
  await lost?.kill();
  await rm(lost?.storeDir ?? "", { recursive: true });
  // Services go on without it.
  expect(await train(trainer)).toBe(2);
  const { copiesBehind } = await world.backplane.usage();
  expect(copiesBehind).toBeGreaterThan(0);
  await mkdir(lost?.storeDir ?? "");
  await lost?.start();
  while ((await world.backplane.usage()).copiesBehind !== 0) await systemClock.sleep(200);
  // The new node holds everything that it needs to stand in for another one.
  await others[0]?.kill();
  expect(await train(trainer)).toBe(3);
  await others[0]?.start();
  while ((await world.backplane.usage()).copiesBehind !== 0) await systemClock.sleep(200);
  const verdicts = await judged(world.backplane, 3);
  const manifests = await world.backplane.registry.list();

  const command = (...args: readonly string[]) => cli([...args, "--nats", cluster.url], { cwd: world.dir });
  expect(await command("backup", "lossy.tar", "--pipeline", "lossy")).toMatchObject({ code: 0 });
  const exits = [evaluator.ended, once(trainer.process, "exit").then(([code]) => code as number)];
  for (const server of cluster.servers) {
    await server.kill();
    await rm(server.storeDir, { recursive: true });
  }
  await Promise.all(cluster.servers.map((server) => server.start()));
  expect(await Promise.all(exits)).toEqual([9, 9]);
  expect(await command("restore", "lossy.tar")).toMatchObject({ code: 0 });
  const after = await open(cluster.url, "lossy");
  expect(await after.registry.list()).toEqual(manifests);
  expect(await after.verdicts.list()).toEqual(verdicts);
  const raw = await connectRaw(cluster.url);
  for (const stream of ["uncouple-lossy-snapshots", "uncouple-lossy-verdicts", "OBJ_uncouple-lossy-models"]) {
    expect((await raw.jsm.streams.info(stream)).config.num_replicas).toBe(3);
  }
  await raw.close();
  evaluate();
  expect(await train(await world.spawn("m1"))).toBe(4);
  expect((await judged(after, 4)).slice(0, 3)).toEqual(verdicts);
  await after.close();
  await world.close();
  await cluster.stop();
});

test("a team's volume is lost: the next serial is right, and a run comes back from a backup", async () => {
  const nats = await startTestNats();
  const world = await openTrainerWorld(nats.url, "team");
  const state = join(world.dir, "state");
  const folder = join(state, "team/m1");
  const lose = async (trainer: TrainerProcess) => {
    await trainer.end("SIGKILL");
    await rm(folder, { recursive: true });
  };
  const first = await world.spawn("m1");
  expect([await train(first), await train(first)]).toEqual([1, 2]);
  await lose(first);
  const second = await world.spawn("m1");
  expect(await second.client.listRuns()).toEqual([]);
  expect(await train(second)).toBe(3);

  const teamFile = "{ component: m1, model: { hidden: [8] }, batch: 32, steps: 2000000, engine: onnx:cpu }";
  const { id } = await second.client.startRun({ teamFile });
  const checkpointed = async () =>
    (await stat(join(folder, "runs", id, "checkpoint.bin")).catch(() => undefined))?.mtimeMs ?? 0;
  await runThat(second.client, id, ({ step }) => step > 20_000);
  const before = await checkpointed();
  while ((await checkpointed()) === before) await systemClock.sleep(100);
  const place = ["--nats", nats.url, "--pipeline", "team"];
  expect(await cli(["backup", "team.tar", ...place, "--state", state], { cwd: world.dir })).toMatchObject({ code: 0 });
  await lose(second);
  await mkdir(join(state, "team"), { recursive: true });
  const unpack = ["-xf", "team.tar", "-C", join(state, "team"), "--strip-components=1", "state/m1"];
  await promisify(execFile)("tar", unpack, { cwd: world.dir });
  const third = await world.spawn("m1");
  let resumed: string | undefined;
  while (resumed === undefined) {
    await systemClock.sleep(50);
    resumed = /resumes at step (\d+)/.exec(third.output())?.[1];
  }
  expect(Number(resumed)).toBeGreaterThan(10_000);
  expect(await third.client.cancelRun(id)).toMatchObject({ id });
  await endOf(third.client, id);
  expect(await train(third)).toBe(4);
  await world.close();
  await nats.stop();
});

test("a team's key leaks: the old one is refused, and its trainer goes on with the new one", async () => {
  const server = await startAccountsNats(newest, { tls: false });
  const { dir, url } = server;
  await writeFile(
    join(dir, "m1.yaml"),
    "component: m1\nmodel: { hidden: [8] }\nbatch: 32\nsteps: 60\nengine: onnx:cpu\n",
  );
  const port = await freePort();
  const trainer = spawnService(
    [
      ...["trainer", "--pipeline", "pipeline.yaml", "--team", "m1.yaml", "--state", "state", "--port", String(port)],
      ...["--nats", url, "--nats-nkey", server.keyFile("m1")],
    ],
    dir,
  );
  await trainer.seen(/"grpc":/);
  const trained = async () => {
    const { code, stderr } = await cli(["train", "m1", "--trainer", `127.0.0.1:${port}`, "--follow"], { cwd: dir });
    expect({ code, stderr }).toMatchObject({ code: 0 });
  };
  await trained();
  const leaked = join(dir, "leaked.nk");
  await copyFile(server.keyFile("m1"), leaked);
  const thief = await server.open("m1", { files: { nkey: leaked } });
  await rm(server.keyFile("m1"));
  await server.reload();
  await expect(server.open("m1", { files: { nkey: leaked } })).rejects.toMatchObject({ code: "unauthenticated" });
  while (thief.connection() === "connected") await systemClock.sleep(50);
  await trained();
  const m1 = await server.open("m1");
  expect((await m1.registry.list("m1")).map(({ serial }) => serial)).toEqual([1, 2]);
  expect(trainer.child.exitCode).toBeNull();
  await server.stop();
});
