import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { type ReadRun, readRuns, runsWhen } from "../helpers/mlflow/read-runs.ts";
import { ADMIN, type MlflowServer, startMlflow } from "../helpers/mlflow/server.ts";
import { type UpOfTest, uncouple, up } from "../helpers/uncouple.ts";

let folder: string;
let server: MlflowServer | undefined;
let stack: UpOfTest | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mlflow-"));
  await cp(join(import.meta.dirname, "../../examples/paper/pipeline.yaml"), join(folder, "pipeline.yaml"));
  await writeFile(join(folder, "m1.yaml"), "component: m1\nmodel: linear\nsteps: 2000\nseed: 7\n");
  await writeFile(join(folder, "m2.yaml"), "component: m2\nmodel: { hidden: [64] }\nsteps: 100000\n");
});
afterEach(async () => {
  await stack?.end("SIGINT");
  await server?.kill();
  stack = undefined;
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

const start = async (address: string, env: Readonly<Record<string, string>> = {}) => {
  stack = await up(["pipeline.yaml", "m1.yaml", "m2.yaml", "--track", `mlflow=${address}`], { cwd: folder, env });
  return stack;
};
const command = async (...args: string[]) => {
  const { code, stdout, stderr } = await uncouple(args, { cwd: folder });
  if (code !== 0) throw new Error(`uncouple ${args.join(" ")}: ${stderr}`);
  return stdout;
};
const json = async (...args: string[]) => JSON.parse(await command(...args, "--json"));
const isWhole = ({ status, tags }: ReadRun) => status !== "RUNNING" && tags["uncouple.verdict"] !== undefined;
const warningsOf = async (service: string) => {
  const text = await readFile(join(folder, ".uncouple/logs", `${service}.log`), "utf8");
  return text.split("\n").filter((line) => line.includes("tracking:"));
};

/** @param component whose run is in progress, some steps after its beginning */
async function inProgress(component: string): Promise<void> {
  for (let look = 1; look <= 60; look++) {
    const [run] = (await json("runs", component)) as { state: string; step: number }[];
    if (run?.state === "running" && run.step > 1_000) return;
    if (run?.state === "succeeded") throw new Error(`the run of ${component} has too few steps`);
  }
  throw new Error(`no run of ${component} is in progress`);
}

test("runs, curves, models and verdicts are at the server, each once", async () => {
  const port = await freePort();
  server = await startMlflow(folder, port);
  const { url } = server;
  const running = await start(url);
  await command("train", "m1", "--follow");
  const [first] = await runsWhen(
    () => readRuns(url, "paper"),
    (runs) => runs.length === 1 && runs.every(isWhole),
  );
  const shown = await json("show", "m1@1");
  expect(first).toMatchObject({
    status: "FINISHED",
    params: { "model.kind": "dense", "model.hidden": "[]", steps: "2000", seed: "7", "optimizer.name": "adam" },
    tags: {
      "uncouple.run": shown.manifest.runId,
      "uncouple.component": "m1",
      "uncouple.serial": "1",
      "uncouple.digest": shown.manifest.digest,
      "uncouple.data_fingerprint": shown.manifest.provenance.data.fingerprint,
      "uncouple.code_version": shown.manifest.provenance.codeVersion,
      "uncouple.verdict": "inconclusive",
      "uncouple.verdict.reason": "incomplete-pipeline",
    },
    // The bytes, as MLflow's client downloads them, and what mlflow.onnx makes of them.
    model: { digest: shown.manifest.digest, inputs: ["x1"], signature: ["x1"], flavors: ["onnx", "python_function"] },
  });
  const curve = first?.metrics.loss ?? [];
  expect(curve.length).toBeGreaterThan(3);
  expect(curve.at(-1)?.[0]).toBe(2000);
  expect(first?.metrics.learning_rate).toHaveLength(curve.length);

  // The server dies during a run, then the trainer, then the evaluator; the run ends before the server is back.
  const training = command("train", "m2");
  await inProgress("m2");
  await server.kill();
  const trainer = await running.pidOf("trainer m2");
  if (trainer !== undefined) process.kill(trainer, "SIGKILL");
  await training;
  for (let waited = 0; (await json("snapshots", "m2")).length === 0; waited += 500) {
    if (waited > 120_000) throw new Error("m2 has no snapshot");
    await sleep(500);
  }
  const evaluator = await running.pidOf("evaluator");
  if (evaluator !== undefined) process.kill(evaluator, "SIGKILL");
  server = await startMlflow(folder, port);
  await command("train", "m1", "--follow");
  const runs = await runsWhen(
    () => readRuns(url, "paper"),
    (now) => now.length === 3 && now.every(isWhole),
  );
  expect(runs.map(({ tags }) => tags["uncouple.snapshot"])).toEqual(["m1@1", "m2@1", "m1@2"]);
  expect(runs.map(({ status }) => status)).toEqual(["FINISHED", "FINISHED", "FINISHED"]);
  for (const run of runs) {
    const id = run.tags["uncouple.snapshot"] ?? "";
    const { manifest } = await json("show", id);
    expect(run.model?.digest).toBe(manifest.digest);
    const steps = (run.metrics.loss ?? []).map(([step]) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(manifest.provenance.steps);
    const verdicts = (await json("verdicts", manifest.component)) as {
      serial: number;
      kind: string;
      comparison: { difference: number } | null;
    }[];
    const verdict = verdicts.find(({ serial }) => serial === manifest.serial);
    expect(run.tags["uncouple.verdict"]).toBe(verdict?.kind);
    const difference = verdict?.comparison?.difference;
    expect(run.metrics["verdict.difference"]).toEqual(difference === undefined ? undefined : [[0, difference]]);
  }
  expect(runs[2]?.metrics["verdict.difference"]).toHaveLength(1);
  expect(runs[1]?.tags["uncouple.upstream"]).toBe("m1@1");
});

interface ShownStudy {
  readonly study: string;
  readonly best: { readonly trial: number; readonly value: number; readonly parameters: object } | null;
  readonly trials: readonly {
    readonly trial: number;
    readonly state: "waiting" | "running" | "complete" | "stopped" | "pruned" | "failed";
    readonly value: number | null;
    readonly parameters: Readonly<Record<string, number>>;
    readonly steps: number;
  }[];
}
const STATUSES = { complete: "FINISHED", pruned: "KILLED" } as Readonly<Record<string, string>>;
/** The study of m1 once so many trials have ended. */
async function studyWith(ended: number): Promise<ShownStudy> {
  for (let waited = 0; waited < 180_000; waited += 500) {
    // It is started again after a kill.
    const { stdout } = await uncouple(["studies", "m1", "--json"], { cwd: folder });
    const [study] = (stdout === "" ? [] : JSON.parse(stdout)) as ShownStudy[];
    const over = study?.trials.filter(({ state }) => state !== "waiting" && state !== "running") ?? [];
    if (study !== undefined && over.length >= ended) return study;
    await sleep(500);
  }
  throw new Error(`the study of m1 has no ${ended} trials that have ended`);
}

test("trials are nested in their study, each once, though server and trainer are killed; a quarantine is on its run", async () => {
  const search = "search: { parameters: { optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true } } }\n";
  await writeFile(join(folder, "m1.yaml"), `component: m1\nmodel: linear\nsteps: 60000\n${search}`);
  const impossible = "tests: [{ name: enormous, bounded: { low: 1e9 }, component: m1, on_failure: refuse }]\n";
  await appendFile(join(folder, "pipeline.yaml"), impossible);
  const port = await freePort();
  server = await startMlflow(folder, port);
  const { url } = server;
  const running = await start(url);
  const killTrainer = async () => {
    const pid = await running.pidOf("trainer m1");
    if (pid !== undefined) process.kill(pid, "SIGKILL");
  };
  const trials = 9;
  const tuning = uncouple(["tune", "m1", "--trials", String(trials)], { cwd: folder });
  const { study: id } = await studyWith(2);
  await killTrainer();
  await studyWith(4);
  await server.kill();
  await killTrainer();
  const study = await studyWith(trials);
  await tuning;
  // The study ends while the server is away, which then hears of it from a trainer that was not there.
  await sleep(2_000);
  await killTrainer();
  server = await startMlflow(folder, port);
  await studyWith(trials);
  await command("train", "m1", "--follow");
  const runs = await runsWhen(
    () => readRuns(url, "paper"),
    (now) =>
      now.length === trials + 2 &&
      now.every(({ status }) => status !== "RUNNING") &&
      now.some(({ tags }) => tags["uncouple.quarantine"] === "true"),
  );

  const [parent, ...more] = runs.filter(({ tags }) => tags["uncouple.run"] === id);
  expect(more).toEqual([]);
  expect(parent).toMatchObject({
    status: "FINISHED",
    params: { steps: "60000", "search.sampler": "quasi-random", "search.pruning.name": "halving" },
    tags: {
      "uncouple.study.state": "complete",
      "uncouple.best.trial": String(study.best?.trial),
      "uncouple.best.parameters": JSON.stringify(study.best?.parameters),
    },
  });
  expect(parent?.metrics.best_value?.at(-1)).toEqual([trials, study.best?.value]);
  const children = runs.filter(({ tags }) => tags["mlflow.parentRunId"] === parent?.id);
  expect(children).toHaveLength(trials);
  for (const trial of study.trials) {
    const child = children.find(({ tags }) => tags["uncouple.trial"] === String(trial.trial));
    expect(child).toMatchObject({
      status: STATUSES[trial.state],
      params: { "optimizer.learning_rate": String(trial.parameters["optimizer.learning_rate"]) },
      tags: { "uncouple.study": id, "uncouple.trial.state": trial.state },
    });
    expect(child?.metrics.value).toEqual([[trial.steps, trial.value]]);
    const steps = (child?.metrics.validation_loss ?? []).map(([step]) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(0);
  }
  expect(new Set(children.map(({ status }) => status))).toEqual(new Set(["FINISHED", "KILLED"]));

  const { quarantine } = await json("show", "m1@1");
  const run = runs.find(({ tags }) => tags["uncouple.snapshot"] === "m1@1");
  expect(run?.tags).toMatchObject({
    "uncouple.quarantine": "true",
    "uncouple.quarantine.reason": "failed-test",
    "uncouple.quarantine.detail": quarantine.detail,
  });
});

test("a server that accepts connections and never answers delays neither a run nor the end", async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await new Promise((done) => silent.once("listening", done));
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  try {
    const running = await start(`http://127.0.0.1:${address.port}`);
    await command("train", "m1", "--follow");
    for (let waited = 0; (await json("verdicts", "m1")).length === 0; waited += 200) {
      if (waited > 30_000) throw new Error("m1 has no verdict");
      await sleep(200);
    }
    expect(sockets.size).toBeGreaterThan(0);
    // Long enough for a request to time out.
    await sleep(12_000);
    expect(await running.end("SIGINT")).toBe(130);
    stack = undefined;
    expect(running.output()).toContain("stopped");
    for (const service of ["trainer-m1", "evaluator"]) {
      expect(await warningsOf(service)).toEqual([expect.stringContaining("no answer within 10 s; still trying")]);
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
});

test("a wrong password is one warning that does not have it; with the right one, runs are logged", async () => {
  server = await startMlflow(folder, await freePort(), { passwords: true });
  const { url } = server;
  const credentials = (password: string) => ({
    MLFLOW_TRACKING_USERNAME: ADMIN.user,
    MLFLOW_TRACKING_PASSWORD: password,
  });
  const wrong = await start(url, credentials("canary-wrong"));
  await command("train", "m1", "--follow");
  await sleep(5_000);
  await wrong.end("SIGINT");
  for (const service of ["trainer-m1", "evaluator"]) {
    expect(await warningsOf(service)).toEqual([expect.stringContaining("refuses the credentials (status 401)")]);
  }
  expect(await readRuns(url, "paper", credentials(ADMIN.password))).toEqual([]);

  const right = await start(url, credentials(ADMIN.password));
  await command("train", "m1", "--follow");
  const runs = await runsWhen(
    () => readRuns(url, "paper", credentials(ADMIN.password)),
    (now) => now.length > 0 && now.every(({ status }) => status === "FINISHED"),
  );
  expect(runs.map(({ tags }) => tags["uncouple.snapshot"])).toEqual(["m1@2"]);
  await right.end("SIGINT");
  stack = undefined;
  for (const file of await readdir(join(folder, ".uncouple/logs"))) {
    expect(await readFile(join(folder, ".uncouple/logs", file), "utf8")).not.toContain("canary");
  }
  expect(wrong.output() + right.output()).not.toContain("canary");
});
