import { afterEach, beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { TrainingProgress } from "../../../../services/learning/training/training-progress.ts";
import type { Run } from "../../../../services/pipeline/run.ts";
import { newStoredRun, type StoredRun } from "../../../../services/trainer/runs/stored-run.ts";
import { createRunTracking, type RunTrackingDeps } from "../../../../services/trainer/tracking/run-tracking.ts";
import { manifest } from "../../../helpers/drafts.ts";
import { type FakeMlflow, openFakeMlflow } from "../../../helpers/mlflow/fake-server.ts";
import { trackInProcess } from "../../../helpers/mlflow/track-in-process.ts";
import { team } from "../../../helpers/teams.ts";

let server: FakeMlflow;
beforeEach(async () => {
  server = await openFakeMlflow();
});
afterEach(() => server.close());

const published = manifest(4, { component: "m1", provenance: { upstream: { m0: 2 } } });
const registry: RunTrackingDeps["registry"] = {
  manifest: async () => published,
  bytes: async () => Buffer.from("onnx"),
};

function trainer(change: Partial<RunTrackingDeps> = {}) {
  const tracking = trackInProcess(server.url);
  const runs = createRunTracking({
    ...tracking,
    pipeline: "ads",
    component: "m1",
    codeVersion: "1.0.0",
    registry,
    ...change,
  });
  return { ...tracking, runs };
}

const stored = (id: string, change: Partial<Run> = {}): StoredRun => {
  const made = newStoredRun(id, 1, { trigger: "request", team: team() }, "2026-01-01T00:00:00.000Z");
  return { ...made, run: { ...made.run, ...change } };
};
const ended: Partial<Run> = { state: "succeeded", snapshot: 4, finishedAt: "2026-01-01T00:01:00.000Z" };
const at = (step: number, steps = 10) =>
  ({ step, steps, loss: 1 / step, learningRate: 0.1 }) satisfies Partial<TrainingProgress> as TrainingProgress;

test("a run is logged from its beginning to its snapshot", async () => {
  const { runs, idle } = trainer();
  runs.began(stored("r1"));
  for (const step of [1, 2, 10]) runs.progressed(stored("r1"), at(step));
  await idle();
  expect(server.runs[0]).toMatchObject({ name: "m1 r1", status: "RUNNING", tags: { "uncouple.trigger": "request" } });
  runs.ended(stored("r1", ended));
  await idle();
  expect(server.runs).toHaveLength(1);
  expect(server.runs[0]).toMatchObject({
    status: "FINISHED",
    endedAt: Date.parse("2026-01-01T00:01:00.000Z"),
    tags: { "uncouple.snapshot": "m1@4", "uncouple.upstream": "m0@2", "uncouple.engine": "reference" },
  });
  expect(server.runs[0]?.points.filter(([key]) => key === "loss")).toEqual([1, 2, 10].map((n) => ["loss", n, 1 / n]));
  expect([...server.artifacts.values()]).toContain("onnx");
});

test("a long run has about 500 points and its last step", async () => {
  const { runs, idle } = trainer();
  runs.began(stored("r1"));
  for (let step = 1; step <= 5_003; step++) runs.progressed(stored("r1"), at(step, 5_003));
  await idle();
  const steps = server.runs[0]?.points.flatMap(([key, step]) => (key === "loss" ? [step] : [])) ?? [];
  expect(steps.length).toBeLessThan(505);
  expect(steps.length).toBeGreaterThan(400);
  expect(steps.at(-1)).toBe(5_003);
});

test("a training that is resumed after a kill repeats no step", async () => {
  const first = trainer();
  first.runs.began(stored("r1"));
  for (const step of [1, 2, 3]) first.runs.progressed(stored("r1"), at(step));
  await first.idle();
  const second = trainer();
  second.runs.began(stored("r1"));
  for (const step of [2, 3, 4]) second.runs.progressed(stored("r1"), at(step));
  second.runs.ended(stored("r1", ended));
  await second.idle();
  expect(server.runs).toHaveLength(1);
  expect(server.runs[0]?.points.flatMap(([key, step]) => (key === "loss" ? [step] : []))).toEqual([1, 2, 3, 4]);
});

test("what ended while the server was away is ended there after a restart", async () => {
  const first = trainer();
  for (const id of ["r1", "r2", "r3"]) first.runs.began(stored(id));
  await first.idle();
  const second = trainer();
  const error = { code: "unavailable" as const, message: "no store" };
  second.runs.restored([
    stored("r1", ended),
    stored("r2", { state: "failed", error }),
    stored("r3", { state: "running" }),
    stored("of a time without tracking", ended),
  ]);
  await second.idle();
  expect(server.runs.map(({ status, tags }) => [status, tags["uncouple.error"]])).toEqual([
    ["FINISHED", undefined],
    ["FAILED", "unavailable: no store"],
    ["RUNNING", undefined],
  ]);
});

test("a snapshot that was deleted meanwhile has no model, a store that is away is waited for", async () => {
  const failures = [new UncoupleError("unavailable", "no store"), new UncoupleError("deleted", "m1@4 was deleted")];
  const { runs, idle, warnings, dropped } = trainer({
    registry: {
      ...registry,
      async bytes() {
        throw failures.length > 1 ? failures.shift() : failures[0];
      },
    },
  });
  runs.ended(stored("r1", ended));
  await idle();
  expect(server.runs[0]?.status).toBe("FINISHED");
  expect(server.artifacts.size).toBe(0);
  expect(warnings).toHaveLength(1);
  expect(dropped()).toBe(0);
});
