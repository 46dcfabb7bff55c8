import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { lockFolder, processTableOf } from "../../services/common/files/folder-lock.ts";
import { makeFolder } from "../../services/common/files/make-folder.ts";
import { connectCoordinator } from "../../services/rpc/client/coordinator-client.ts";
import { connectTrainer, type RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import type { RunTrainerOptions } from "../../services/trainer/run-trainer.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, runThat, type TrainerWorld } from "../helpers/trainer-world.ts";

const components = `
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
  m3: { columns: [x1], output: { name: copy, width: 3, meaning: real }, target: z, loss: mse }
objective: m2
`;
/** Trains for longer than a test takes to look. */
const slowTeam = (component: string) =>
  `component: ${component}\nmodel: { hidden: [8] }\nbatch: 32\nsteps: 3000000\nengine: onnx:cpu\n`;
const soon = { timeout: 20_000, interval: 20 };
const local = (port: number) => `127.0.0.1:${port}`;

let nats: TestNats;

beforeAll(async () => {
  nats = await startTestNats();
});

afterAll(() => nats.stop());

const openWorld = (name: string) => openTrainerWorld(nats.url, name, { components });

/** Three components in one process, with a client of each. */
async function host(world: TrainerWorld, change: Partial<RunTrainerOptions> = {}) {
  const teamFiles = [await world.team("m1"), await world.team("m2"), await world.team("m3")];
  const trainer = await world.trainer("m1", { teamFiles, ...change });
  const of = (component: string): RemoteTrainer => {
    const client = connectTrainer(local(trainer.grpcPort), { clock: systemClock }, component);
    onTestFinished(() => client.close());
    return client;
  };
  const get = async (path: string) => {
    const response = await fetch(`http://${local(trainer.httpPort)}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return { trainer, of, get };
}

describe("three components in one process", () => {
  let world: TrainerWorld;
  let hosted: Awaited<ReturnType<typeof host>>;

  beforeAll(async () => {
    world = await openWorld("hosted");
    hosted = await host(world, { parallel: 2 });
  });

  afterAll(() => world.close());

  test("publish their own snapshots, and a call without a component lists them", async () => {
    const { trainer, of, get } = hosted;
    expect(trainer.components).toEqual(["m1", "m2", "m3"]);
    expect(await trainer.client.components()).toEqual(["m1", "m2", "m3"]);
    const missing = { code: "invalid-argument", message: expect.stringContaining("name one of: m1, m2, m3") };
    await expect(trainer.client.status()).rejects.toMatchObject(missing);
    await expect(trainer.client.startRun({})).rejects.toMatchObject(missing);
    await expect(of("m4").status()).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("trains components m1, m2, m3, not m4"),
    });
    for (const component of ["m1", "m2", "m3"]) {
      const client = of(component);
      const { id } = await client.startRun({});
      expect(await endOf(client, id)).toMatchObject({ component, state: "succeeded", snapshot: 1 });
      expect(await client.status()).toMatchObject({ component, newest: 1, problem: null });
      expect((await client.listRuns()).map((run) => run.id)).toEqual([id]);
    }
    const { text } = await get("/metrics");
    for (const component of ["m1", "m2", "m3"]) {
      const succeeded = new RegExp(
        `^uncouple_runs_total\\{[^}]*state="succeeded",trigger="request"[^}]*component="${component}"\\} 1$`,
        "m",
      );
      expect(text).toMatch(succeeded);
      expect(text).toMatch(new RegExp(`^uncouple_component_ready\\{[^}]*component="${component}"\\} 1$`, "m"));
    }
    // One header a metric, and process metrics once, without a component.
    expect(text.match(/^# TYPE uncouple_runs_total /gm)).toHaveLength(1);
    expect(text.match(/^process_start_time_seconds\{.*$/gm)).toEqual([expect.not.stringContaining("component=")]);
    // One consumer for each log that the view follows, as with one component.
    const connection = await connect({ servers: nats.url });
    const { streams } = await connection.jetstreamManager();
    const { state } = await streams.info("uncouple-hosted-snapshots");
    await connection.close();
    // The trainer's, and that of the world's own judge.
    expect(state.consumer_count).toBe(2);
  });

  test("train two at a time with --parallel 2, and the third waits for its turn", async () => {
    const { of } = hosted;
    const [m1, m3, m2] = [of("m1"), of("m3"), of("m2")];
    const first = await m1.startRun({ teamFile: slowTeam("m1") });
    const second = await m3.startRun({ teamFile: slowTeam("m3") });
    await runThat(m1, first.id, ({ step }) => step > 0);
    await runThat(m3, second.id, ({ step }) => step > 0);
    const third = await m2.startRun({});
    const waiting = await runThat(m2, third.id, ({ state }) => state === "waiting");
    expect(waiting).toMatchObject({ waitingFor: "one of the 2 runs in progress to end (--parallel)", startedAt: null });
    await m1.cancelRun(first.id);
    expect(await endOf(m2, third.id)).toMatchObject({ state: "succeeded" });
    expect(await m3.getRun(second.id)).toMatchObject({ state: "running" });
    await m3.cancelRun(second.id);
  });

  test("a run that fails is one component's, and the others go on", async () => {
    const { of } = hosted;
    const [m1, m3] = [of("m1"), of("m3")];
    const bad = await m1.startRun({
      teamFile: "component: m1\nmodel: linear\nsteps: 200\noptimizer: { name: sgd, learning_rate: 1000 }\n",
    });
    const good = await m3.startRun({});
    expect(await endOf(m1, bad.id)).toMatchObject({ state: "failed" });
    expect(await endOf(m3, good.id)).toMatchObject({ state: "succeeded" });
  });

  test("workers name their component", async () => {
    const { trainer } = hosted;
    const coordinator = (component?: string) => {
      const client = connectCoordinator(local(trainer.grpcPort), { clock: systemClock }, component);
      onTestFinished(() => client.close());
      return client;
    };
    const me = {
      name: "w",
      host: "h",
      pid: 1,
      codeVersion: "0.0.0",
      engines: [{ engine: "wasm", numerics: "any" }],
      parallel: 1,
    };
    expect(await coordinator().join(me)).toMatchObject({
      refusal: "component",
      reason: expect.stringContaining("name one of: m1, m2, m3"),
    });
    expect(await coordinator("m2").join(me)).toMatchObject({ refusal: "version" });
    expect(await coordinator("m2").listWorkers()).toEqual({ workers: [], waiting: 0 });
    await expect(coordinator().listWorkers()).rejects.toMatchObject({ code: "invalid-argument" });
  });
});

describe("a component that cannot start", () => {
  let world: TrainerWorld;

  beforeAll(async () => {
    world = await openWorld("failing");
  });

  afterAll(() => world.close());

  test("is reported and tried again, and the others work", async () => {
    const folder = join(world.dir, "state", "failing", "m2");
    await makeFolder(folder);
    const processes = processTableOf(process, hostname());
    const lock = await lockFolder(folder, { clock: systemClock, processes });
    const { of, get } = await host(world);
    const [m1, m2] = [of("m1"), of("m2")];
    expect(await endOf(m1, (await m1.startRun({})).id)).toMatchObject({ state: "succeeded" });
    expect(await m2.status()).toMatchObject({ state: "starting", problem: expect.stringContaining(folder) });
    await expect(m2.startRun({})).rejects.toMatchObject({ code: "failed-precondition" });
    expect(await get("/readyz")).toEqual({ status: 200, text: expect.stringMatching(/^ready\nm2: .*m2/) });
    expect(await get("/readyz/m2")).toMatchObject({ status: 503 });
    expect(await get("/readyz/m1")).toEqual({ status: 200, text: "ready\n" });
    expect((await get("/metrics")).text).toMatch(/^uncouple_component_ready\{[^}]*component="m2"\} 0$/m);
    await lock.release();
    await vi.waitFor(async () => expect(await get("/readyz/m2")).toMatchObject({ status: 200 }), soon);
    expect(await m2.status()).toMatchObject({ state: "idle", problem: null });
    expect(await endOf(m2, (await m2.startRun({})).id)).toMatchObject({ state: "succeeded" });
  });

  test("because its team file is broken fails the start, and the error names every bad file", async () => {
    const good = await world.team("m1");
    const bad = join(world.dir, "bad.yaml");
    await writeFile(bad, "component: m2\nmodel: linear\nsteps: -1\n");
    const twice = await world.team("m1");
    await expect(world.trainer("m1", { teamFiles: [good, bad] })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/bad\.yaml:3: steps/),
    });
    await expect(world.trainer("m1", { teamFiles: [good, twice] })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringContaining(`m1 already has the team file ${good}`),
    });
  });
});

test("SIGTERM in mid-run checkpoints the runs of all components, which resume with the same bits after a restart", async () => {
  const world = await openWorld("terminated");
  onTestFinished(() => world.close());
  const hosted = ["m1", "m2", "m3"] as const;
  const steps = "{ model: { hidden: [8] }, batch: 32, steps: 30000, engine: onnx:cpu }";
  const teamFiles = await Promise.all(hosted.map((component) => world.team(component, steps)));
  /** A process of all components, with a client of each. */
  const spawn = async () => {
    const trainer = await world.spawn("m1", { teamFiles });
    const of = (component: string): RemoteTrainer => {
      const client = connectTrainer(trainer.grpc, { clock: systemClock }, component);
      onTestFinished(() => client.close());
      return client;
    };
    return { trainer, of };
  };

  const { trainer, of } = await spawn();
  // One after the other, so that m2 trains on m1@1, as it does below.
  for (const component of hosted) {
    const client = of(component);
    expect(await endOf(client, (await client.startRun({})).id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  }
  const runs = await Promise.all(
    hosted.map(async (component) => [component, await of(component).startRun({})] as const),
  );
  await Promise.all(runs.map(([component, { id }]) => runThat(of(component), id, ({ step }) => step > 0)));
  expect(await trainer.end("SIGTERM")).toEqual({ code: 0, signal: null });

  const again = await spawn();
  for (const [component, { id }] of runs) {
    expect(await endOf(again.of(component), id)).toMatchObject({ component, state: "succeeded", snapshot: 2 });
    expect(again.trainer.output()).toMatch(new RegExp(`"message":"run ${id} resumes at step [1-9]`));
    const [undisturbed, resumed] = await world.backplane.registry.list(component);
    expect(resumed?.digest).toBe(undisturbed?.digest);
  }
});
