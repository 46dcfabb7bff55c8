import { afterEach, expect, test } from "vitest";
import type { TrackedRun } from "../../../services/tracking/run-log.ts";
import { manifest } from "../../helpers/drafts.ts";
import { type FakeMlflow, openFakeMlflow } from "../../helpers/mlflow/fake-server.ts";
import { trackInProcess } from "../../helpers/mlflow/track-in-process.ts";

let server: FakeMlflow;
afterEach(() => server.close());

const { signal } = new AbortController();
const run = (id: string, change: Partial<TrackedRun> = {}): TrackedRun => ({
  id,
  name: `m1 ${id}`,
  startedAt: 5,
  tags: { "uncouple.component": "m1" },
  params: { steps: "100" },
  ...change,
});
const loss = (...steps: number[]) => ({
  metrics: steps.map((step) => ({ key: "loss", value: 1 / step, timestamp: step, step })),
});
const model = { manifest: manifest(1, { component: "m1" }), bytes: Buffer.from("onnx") };

async function open(options?: Parameters<typeof openFakeMlflow>[0]) {
  server = await openFakeMlflow(options);
  return trackInProcess(server.url);
}

test("a run whose creation was not answered is found again, and a step that was logged is not repeated", async () => {
  const { log } = await open();
  server.disturb = (path) => (path.endsWith("runs/create") ? "lost" : undefined);
  await expect(log.begin(run("a"), signal)).rejects.toMatchObject({ code: "unavailable" });
  server.disturb = (_, body) => (body.includes('"metrics"') ? "lost" : undefined);
  await expect(log.log(run("a"), loss(1, 2), signal)).rejects.toMatchObject({ code: "unavailable" });
  server.disturb = () => undefined;
  await log.log(run("a"), loss(1, 2, 3), signal);
  await log.log(run("a"), { metrics: [{ key: "other", value: 1, timestamp: 1, step: 0 }] }, signal);
  expect(server.runs).toHaveLength(1);
  expect(server.runs[0]?.points.map(([key, step]) => [key, step])).toEqual([
    ["loss", 1],
    ["loss", 2],
    ["loss", 3],
    ["other", 0],
  ]);
});

test("a run ends with its model, whose description comes last", async () => {
  const { log, warnings } = await open();
  await log.begin(run("a"), signal);
  await log.end(run("a"), { status: "FINISHED", endedAt: 9, tags: { x: "y" }, model: async () => model }, signal);
  expect(server.runs[0]).toMatchObject({ status: "FINISHED", endedAt: 9, tags: { x: "y", "uncouple.run": "a" } });
  const folder = "mlflow-artifacts/artifacts/1/run1/artifacts/model";
  expect([...server.artifacts.keys()]).toEqual(
    ["model.onnx", "requirements.txt", "MLmodel"].map((name) => `${folder}/${name}`),
  );
  expect(server.artifacts.get(`${folder}/model.onnx`)).toBe("onnx");
  expect(JSON.parse(server.artifacts.get(`${folder}/MLmodel`) ?? "")).toMatchObject({
    run_id: "run1",
    flavors: { onnx: { data: "model.onnx" } },
    signature: { inputs: expect.stringContaining('"name":"x"') },
  });
  expect(server.taken.at(-2)?.url).toContain("runs/log-model");
  expect(warnings).toEqual([]);
});

test("a server without artifacts gets everything but the models, and one warning", async () => {
  const { log, warnings } = await open({ artifacts: false });
  for (const id of ["a", "b"]) {
    await log.end(run(id), { status: "FINISHED", endedAt: 9, model: async () => model }, signal);
  }
  expect(server.runs.map(({ status }) => status)).toEqual(["FINISHED", "FINISHED"]);
  expect(server.artifacts.size).toBe(0);
  expect(warnings).toEqual([expect.stringContaining("--no-serve-artifacts")]);
});

test("a model that was deleted since is left out", async () => {
  const { log } = await open();
  await log.end(run("a"), { status: "FINISHED", endedAt: 9, model: async () => undefined }, signal);
  expect(server.runs[0]?.status).toBe("FINISHED");
  expect(server.artifacts.size).toBe(0);
});

test("the runs that go on at the server are found over several pages, those of the component only", async () => {
  const { log } = await open();
  for (const id of ["a", "b", "c", "d", "e"])
    await log.begin(run(id, { tags: { "uncouple.component": "m1" } }), signal);
  await log.begin(run("other", { tags: { "uncouple.component": "m2" } }), signal);
  await log.end(run("b"), { status: "FAILED", endedAt: 9 }, signal);
  expect(await log.unended("m1", signal)).toEqual(["a", "c", "d", "e"]);
  expect(await log.statuses("uncouple.component", "m1", signal)).toEqual(
    new Map([
      ["a", "RUNNING"],
      ["b", "FAILED"],
      ["c", "RUNNING"],
      ["d", "RUNNING"],
      ["e", "RUNNING"],
    ]),
  );
});

test("numbers that JSON does not have, names with other signs and long values are logged as MLflow takes them", async () => {
  const { log } = await open();
  await log.begin(run("a", { params: { "a:b": "x".repeat(600) } }), signal);
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  await log.log(
    run("a"),
    { metrics: values.map((value, step) => ({ key: "loss", value, timestamp: 1, step })), tags: { é: "z" } },
    signal,
  );
  expect(server.runs[0]?.points.map(([, , value]) => value)).toEqual(["NaN", "Infinity", "-Infinity"]);
  expect(server.runs[0]?.params).toEqual({ a_b: "x".repeat(500) });
  expect(server.runs[0]?.tags).toHaveProperty("_", "z");
});

test("more points than a request may have are logged in several", async () => {
  const { log } = await open();
  await log.log(run("a"), loss(...Array.from({ length: 2_100 }, (_, i) => i + 1)), signal);
  expect(server.taken.filter(({ body }) => body.includes('"metrics"'))).toHaveLength(3);
  expect(server.runs[0]?.points).toHaveLength(2_100);
});

test("an experiment that somebody else creates meanwhile is used, a deleted one says how to restore it", async () => {
  const { client } = await open();
  server.disturb = (path) => (path.endsWith("experiments/create") ? "lost" : undefined);
  expect(await client.experiment("ads", signal)).toEqual({ id: "1", tags: {} });
  server.disturb = () => ({ status: 200, body: '{"experiment":{"experiment_id":"1","lifecycle_stage":"deleted"}}' });
  await expect(client.experiment("ads", signal)).rejects.toMatchObject({
    code: "failed-precondition",
    message: "the experiment ads is deleted; restore it with `mlflow experiments restore`",
  });
  server.disturb = (path) => (path.endsWith("experiments/create") ? { status: 400 } : { status: 404, body: NONE });
  await expect(client.experiment("ads", signal)).rejects.toMatchObject({ message: "status 400" });
});
const NONE = '{"error_code":"RESOURCE_DOES_NOT_EXIST"}';
