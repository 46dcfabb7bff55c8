import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { processTableOf } from "../../services/common/files/folder-lock.ts";
import { type RunningEvaluator, runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { LOG_KINDS } from "../../services/registry/usage.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { packageInfo } from "../../services/runtime/package-info.ts";
import { runFollower } from "../../services/serving/run-follower.ts";
import { runWorker } from "../../services/worker/run-worker.ts";
import { draftFor, twoStage } from "../helpers/dense-snapshots.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { openTestSpace } from "../helpers/run-test-worker.ts";
import { endOf, openTrainerWorld, type TrainerOfTest, type TrainerWorld } from "../helpers/trainer-world.ts";

/** A parsed Prometheus metrics page. */
interface Page {
  readonly text: string;
  readonly contentType: string;
  /** Metric to type. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

async function scrape(port: number): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.status).toBe(200);
  const text = await response.text();
  const samples = text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^([a-z]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((pair) => [pair[1], pair[2]]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map((match) => [match[1], match[2]] as [string, string]);
  return { text, contentType: response.headers.get("content-type") ?? "", types: new Map(types), samples };
}

let nats: TestNats;
let world: TrainerWorld;
let m1: TrainerOfTest;
let m2: TrainerOfTest;
let evaluator: RunningEvaluator;
let untrainedPage: Page;
let trainerPage: Page;
let evaluatorPage: Page;
let workerPage: Page;
let followerPage: Page;

beforeAll(async () => {
  nats = await startTestNats();
  world = await openTrainerWorld(nats.url, "metrics", { judged: false });
  evaluator = await runEvaluator(
    { pipelineFile: world.pipelineFile, name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    {
      hosts: testHosts,
      connect: ({ name }) => connectJetStream({ clock: systemClock, url: nats.url, pipeline: name, name: "e1" }),
      clock: systemClock,
      log: silentLog,
    },
  );
  m1 = await world.trainer("m1");
  m2 = await world.trainer("m2");
  untrainedPage = await scrape(m2.httpPort);
  // One snapshot each, a second of m1 to compare, one that is not a model, and a rejected run.
  for (const { client } of [m1, m2, m1]) await endOf(client, (await client.startRun({})).id);
  const draft = await draftFor({ ...twoStage, name: "metrics" }, "m2");
  await world.backplane.registry.publish(draft, new TextEncoder().encode("no model"), "any");
  await expect(m1.client.startRun({ teamFile: "nonsense" })).rejects.toMatchObject({ code: "invalid-argument" });
  while ((await world.backplane.quarantines.list()).length < 1) await sleep(20);
  while ((await world.backplane.verdicts.list()).length < 3) await sleep(20);
  const client = connectEvaluator(`127.0.0.1:${evaluator.grpcPort}`, { clock: systemClock });
  await client.matrix();
  client.close();
  trainerPage = await scrape(m1.httpPort);
  evaluatorPage = await scrape(evaluator.httpPort);
  const worker = await runWorker(
    { trainer: "127.0.0.1:1", name: "n1", hostName: "h1", pid: 7, http: { host: "127.0.0.1", port: 0 } },
    { clock: systemClock, log: silentLog, random: () => 0, openSpace: openTestSpace },
  );
  workerPage = await scrape(worker.httpPort ?? 0);
  await worker.stop();
  const served = await mkdtemp(join(tmpdir(), "uncouple-served-"));
  const follower = await runFollower(
    {
      ...{ pipeline: "metrics", into: served, execTimeoutSeconds: 1, env: {}, keep: 1, exec: "exit 3" },
      http: { host: "127.0.0.1", port: 0 },
    },
    {
      ...{ clock: systemClock, log: silentLog, processes: processTableOf(process, "h1"), killGroup: () => {} },
      connect: () =>
        connectJetStream({ clock: systemClock, url: nats.url, pipeline: "metrics", name: "f1", create: false }),
    },
  );
  do {
    await sleep(20);
    followerPage = await scrape(follower.httpPort ?? 0);
  } while (value(followerPage, "uncouple_follower_failures_total", { action: "exec" }) === 0);
  await follower.stop();
  await rm(served, { recursive: true });
});
afterAll(async () => {
  await evaluator.stop();
  await world.close();
  await nats.stop();
});

/** The value of the only sample with this name and these labels, among others. */
function value(page: Page, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const found = page.samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  );
  expect(found, `${name} ${JSON.stringify(labels)}`).toHaveLength(1);
  return found[0]?.value ?? Number.NaN;
}

describe("a trainer's metrics", () => {
  test("count what it trained and published", () => {
    const of = (name: string, labels = {}) => value(trainerPage, name, labels);
    expect(of("uncouple_training_steps_total")).toBe(120);
    expect(of("uncouple_training_steps_per_second")).toBe(0);
    expect(of("uncouple_training_loss")).toBeGreaterThan(0);
    expect(of("uncouple_runs_total", { state: "succeeded", trigger: "request" })).toBe(2);
    expect(of("uncouple_run_state", { state: "idle" })).toBe(1);
    expect(of("uncouple_run_state", { state: "running" })).toBe(0);
    expect(of("uncouple_run_queue_length")).toBe(0);
    expect(of("uncouple_snapshot_publish_seconds_count")).toBe(2);
    expect(of("uncouple_snapshot_publish_seconds_sum")).toBeGreaterThan(0);
    expect(of("uncouple_snapshot_bytes_count")).toBe(2);
    expect(of("uncouple_snapshot_bytes_sum")).toBeGreaterThan(1000);
  });

  test("count trainings by the engine that ran them and why", () => {
    const of = (engine: string, reason: string) => value(trainerPage, "uncouple_trainings_total", { engine, reason });
    expect(of("onnx:cpu", "selected")).toBe(2);
    expect(of("wasm", "estimate")).toBe(0);
    expect(value(untrainedPage, "uncouple_trainings_total", { engine: "wasm", reason: "estimate" })).toBe(0);
  });

  test("have no loss before the first step", () => {
    expect(untrainedPage.samples.filter(({ name }) => name === "uncouple_training_loss")).toEqual([]);
    expect(untrainedPage.types.get("uncouple_training_loss")).toBe("gauge");
    expect(value(untrainedPage, "uncouple_training_steps_total")).toBe(0);
  });

  test("count and time calls by method and code", () => {
    const method = "uncouple.v1.Trainer/StartRun";
    expect(value(trainerPage, "uncouple_rpc_handled_total", { method, code: "OK" })).toBe(2);
    expect(value(trainerPage, "uncouple_rpc_handled_total", { method, code: "INVALID_ARGUMENT" })).toBe(1);
    expect(value(trainerPage, "uncouple_rpc_duration_seconds_count", { method, code: "OK" })).toBe(2);
    expect(value(trainerPage, "uncouple_rpc_duration_seconds_sum", { method, code: "OK" })).toBeGreaterThan(0);
  });
});

describe("an evaluator's metrics", () => {
  test("report its verdicts and the pipeline loss", async () => {
    const of = (name: string, labels = {}) => value(evaluatorPage, name, labels);
    const verdicts = await world.backplane.verdicts.list();
    const counted = evaluatorPage.samples.filter(({ name }) => name === "uncouple_verdicts_total");
    expect(counted.reduce((sum, sample) => sum + sample.value, 0)).toBe(3);
    expect(of("uncouple_verdicts_total", { component: "m2", kind: "inconclusive" })).toBe(1);
    expect(of("uncouple_quarantines_total", { component: "m2", reason: "malformed-model" })).toBe(1);
    expect(of("uncouple_evaluation_duration_seconds_count", { outcome: "verdict" })).toBe(3);
    expect(of("uncouple_evaluation_duration_seconds_count", { outcome: "quarantine" })).toBe(1);
    expect(of("uncouple_announcements_pending")).toBe(0);
    // Two different models of a few kilobytes: the memory of sessions counts, or thousands would be cached.
    expect(of("uncouple_evaluator_cache_bytes", { kind: "models" })).toBeGreaterThan(2 * 400_000);
    const compared = verdicts.find(({ component, serial }) => component === "m1" && serial === 2);
    for (const [role, loss, own] of [
      ["current", compared?.comparison?.currentLoss, compared?.componentLoss.current],
      ["candidate", compared?.comparison?.candidateLoss, compared?.componentLoss.candidate],
    ] as const) {
      expect(of("uncouple_pipeline_loss", { component: "m1", role })).toBe(loss);
      expect(of("uncouple_component_loss", { component: "m1", role })).toBe(own);
    }
  });

  test("tell how far the newest candidate moved its output, and that the held-out rows are like the training rows", async () => {
    const { interfaceShift } = (await world.backplane.verdicts.get("m1", 2)) ?? {};
    // Trained on the same rows with the same seed.
    expect(interfaceShift).toMatchObject({ shift: 0, adapterSkipped: "no-harm" });
    expect(value(evaluatorPage, "uncouple_interface_shift", { component: "m1" })).toBe(0);
    expect(value(evaluatorPage, "uncouple_interface_outside", { component: "m1" })).toBe(0);
    const drifts = async () =>
      (await scrape(evaluator.httpPort)).samples.filter(({ name }) => name === "uncouple_input_drift");
    await expect.poll(drifts, { timeout: 10_000 }).toHaveLength(2);
    const measured = await drifts();
    expect(measured.map(({ labels }) => `${labels.component} ${labels.column}`).sort()).toEqual(["m1 x1", "m2 x2"]);
    for (const { value: index } of measured) expect(index).toBeLessThan(0.1);
  });

  test("tell the size of every stream, and the age of each component's newest snapshot", () => {
    const of = (store: string) => value(evaluatorPage, "uncouple_store_bytes", { store });
    for (const store of LOG_KINDS) {
      expect(of(store), store).toBeGreaterThanOrEqual(0);
    }
    expect(value(evaluatorPage, "uncouple_store_limit_bytes", { store: "models" })).toBeGreaterThan(of("models"));
    expect(value(evaluatorPage, "uncouple_store_copies_behind")).toBe(0);
    for (const component of ["m1", "m2"]) {
      const age = value(evaluatorPage, "uncouple_snapshot_age_seconds", { component });
      expect(age).toBeGreaterThan(0);
      expect(age).toBeLessThan(600);
    }
  });

  test("count and time calls by method and code", () => {
    const method = "uncouple.v1.Evaluator/GetMatrix";
    expect(value(evaluatorPage, "uncouple_rpc_duration_seconds_count", { method, code: "OK" })).toBe(1);
  });
});

describe.each([
  ["a trainer", () => trainerPage, { service: "trainer", pipeline: "metrics", component: "m1" }],
  ["an evaluator", () => evaluatorPage, { service: "evaluator", pipeline: "metrics" }],
] as const)("the page of %s", (_, page, own) => {
  test("has the connection state, the build info, and Node's own metrics", () => {
    expect(value(page(), "uncouple_nats_connection_state", { state: "connected" })).toBe(1);
    expect(value(page(), "uncouple_nats_connection_state", { state: "reconnecting" })).toBe(0);
    expect(value(page(), "uncouple_build_info", { version: packageInfo().version })).toBe(1);
    const { digest = "" } = page().samples.find(({ name }) => name === "uncouple_pipeline_info")?.labels ?? {};
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(value(page(), "uncouple_pipeline_info", { digest })).toBe(1);
    expect(value(page(), "process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(value(page(), "nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0);
    expect(page().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test("names the service on every sample and has no labels of unbounded cardinality", () => {
    for (const { name, labels } of page().samples.filter((sample) => sample.name.startsWith("uncouple_"))) {
      expect(labels, name).toMatchObject(own);
      // Each serial, run id or digest would create a series that never goes away. A service has one pipeline file.
      if (name === "uncouple_pipeline_info") continue;
      for (const text of Object.values(labels)) expect(text, name).not.toMatch(/@\d|\d{8}-\d{6}|[0-9a-f]{32}/);
    }
    expect(page().samples.every((sample) => !Number.isNaN(sample.value))).toBe(true);
  });

  test("passes promtool's checks for the project's own metrics", (context) => {
    if (spawnSync("promtool", ["--version"]).error !== undefined) {
      context.skip("promtool (Debian's package prometheus) is not installed");
    }
    const checked = spawnSync("promtool", ["check", "metrics"], { input: page().text, encoding: "utf8" });
    const said = (checked.stdout + checked.stderr).split("\n").filter((line) => line !== "");
    // 3 reports lint problems, which prom-client's own Node metrics have.
    expect([0, 3]).toContain(checked.status);
    expect(said.filter((line) => !line.startsWith("nodejs_"))).toEqual([]);
    expect([...page().types.keys()].filter((name) => name.startsWith("uncouple_")).length).toBeGreaterThan(8);
  });
});

test("the page of a worker has its own metrics, with the service on every sample", () => {
  expect(value(workerPage, "uncouple_worker_connected")).toBe(0);
  expect(value(workerPage, "uncouple_worker_leases_running")).toBe(0);
  expect(value(workerPage, "uncouple_worker_leases_total", { end: "applied" })).toBe(0);
  for (const { name, labels } of workerPage.samples.filter((sample) => sample.name.startsWith("uncouple_"))) {
    expect(labels, name).toMatchObject({ service: "worker" });
  }
});

test("the page of a follower says what is released, and that the command for it fails", () => {
  expect(value(followerPage, "uncouple_follower_released")).toBeGreaterThan(0);
  expect(followerPage.samples.filter(({ name }) => name === "uncouple_follower_served")).toEqual([]);
  expect(value(followerPage, "uncouple_follower_failures_total", { action: "install" })).toBe(0);
  expect(value(followerPage, "uncouple_nats_connection_state", { state: "connected" })).toBe(1);
});

test("the documentation lists exactly the existing metrics, with their labels", async () => {
  const text = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const documented = new Set([...text.matchAll(/^\| `(uncouple_\w+)`/gm)].map(([, name]) => name));
  const names = (page: Page) => [...page.types.keys()].filter((name) => name.startsWith("uncouple_"));
  expect(documented).toEqual(new Set([trainerPage, evaluatorPage, workerPage, followerPage].flatMap(names)));
  for (const page of [trainerPage, evaluatorPage, workerPage, followerPage]) {
    for (const name of names(page)) {
      const [, cell = ""] = new RegExp(`^\\| \`${name}\` \\| (.*?) \\|`, "m").exec(text) ?? [];
      const labels = [...cell.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      const sample = page.samples.find((one) => one.name.replace(/_(bucket|sum|count)$/, "") === name);
      const common = ["service", "pipeline", "component", "le"];
      const own = Object.keys(sample?.labels ?? {}).filter(
        (label) => labels.includes(label) || !common.includes(label),
      );
      if (sample !== undefined) expect(new Set(labels), name).toEqual(new Set(own));
    }
  }
});
