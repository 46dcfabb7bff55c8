import { afterEach, beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { SearchParameters } from "../../../../services/pipeline/search.ts";
import type { Study, Trial } from "../../../../services/pipeline/study.ts";
import { createStudyTracking } from "../../../../services/trainer/tracking/study-tracking.ts";
import { type FakeMlflow, openFakeMlflow } from "../../../helpers/mlflow/fake-server.ts";
import { trackInProcess } from "../../../helpers/mlflow/track-in-process.ts";

let server: FakeMlflow;
beforeEach(async () => {
  server = await openFakeMlflow();
});
afterEach(() => server.close());

/** A trainer that tracks the study; a second one goes on after the first. */
function trainer(study: { now: Study }) {
  const tracking = trackInProcess(server.url);
  const studies = createStudyTracking({
    ...tracking,
    pipeline: "ads",
    component: "m2",
    codeVersion: "1.0.0",
    settings: () => ({ steps: "900" }),
  });
  const tracked = { id: study.now.id, study: () => study.now };
  return {
    ...tracking,
    restored: () => studies.restored([tracked]),
    changed: () => studies.changed(tracked),
    async shows(change: Partial<Study>) {
      study.now = { ...study.now, ...change };
      studies.changed(tracked);
      await tracking.idle();
    },
  };
}

const STUDY: Study = {
  id: "20260101-000000-abc",
  component: "m2",
  state: "running",
  wanted: 3,
  parallel: 1,
  trials: [],
  upstream: { m1: 2 },
  rows: { fit: 80, validation: 20 },
  waitingFor: null,
  error: null,
  teamFile: "component: m2",
  startedAt: "2026-01-01T00:00:00.000Z",
  finishedAt: null,
};
const trial = (number: number, change: Partial<Trial> = {}): Trial => ({
  trial: number,
  state: "running",
  parameters: { "optimizer.learning_rate": number / 100, "model.hidden": [8, 4] } satisfies SearchParameters,
  value: null,
  steps: 0,
  planned: 900,
  seconds: 0,
  measured: [],
  error: null,
  external: false,
  ...change,
});
const measured = (...values: number[]) => values.map((value, i) => ({ step: 100 * 3 ** i, value }));
const complete = (number: number, value: number) =>
  trial(number, { state: "complete", value, steps: 900, seconds: 7, measured: measured(0.9, 0.5) });
const named = (tag: string) => server.runs.find(({ tags }) => tags["uncouple.run"] === tag);
const parent = () => named(STUDY.id);
const child = (number: number) => named(`${STUDY.id}/${number}`);

test("trials are runs nested in that of their study, each with its parameters, measurements and end", async () => {
  const study = { now: STUDY };
  const { shows } = trainer(study);
  await shows({ trials: [trial(1, { measured: measured(0.9) }), trial(2, { state: "waiting" })] });
  expect(child(1)).toMatchObject({ status: "RUNNING", points: [["validation_loss", 100, 0.9]] });
  expect(child(2)).toBeUndefined();
  const failure = { code: "invalid-argument" as const, message: "steps: must be at least 1" };
  await shows({
    trials: [
      complete(1, 0.4),
      trial(2, { state: "pruned", value: 0.8, steps: 100, measured: measured(0.8) }),
      trial(3, { state: "failed", error: failure, external: true }),
      trial(4, { state: "stopped", value: 0.3, steps: 300, measured: measured(0.9, 0.3, 0.35) }),
    ],
  });
  await shows({ state: "complete", finishedAt: "2026-01-01T01:00:00.000Z" });

  expect(parent()).toMatchObject({
    name: `m2 study ${STUDY.id}`,
    status: "FINISHED",
    endedAt: Date.parse("2026-01-01T01:00:00.000Z"),
    params: { steps: "900" },
    tags: {
      "uncouple.pipeline": "ads",
      "uncouple.component": "m2",
      "uncouple.study": STUDY.id,
      "uncouple.study.state": "complete",
      "uncouple.study.trials": "4",
      "uncouple.upstream": "m1@2",
      "uncouple.data_rows": "80",
      "uncouple.validation_rows": "20",
      "uncouple.best.trial": "4",
      "uncouple.best.value": "0.3",
      "uncouple.best.parameters": '{"optimizer.learning_rate":0.04,"model.hidden":[8,4]}',
    },
    points: [
      ["best_value", 1, 0.4],
      ["best_value", 2, 0.4],
      ["best_value", 3, 0.4],
      ["best_value", 4, 0.3],
    ],
  });
  expect(child(1)).toMatchObject({
    name: `m2 trial 1 of ${STUDY.id}`,
    status: "FINISHED",
    params: { "optimizer.learning_rate": "0.01", "model.hidden": "[8,4]" },
    tags: {
      "mlflow.parentRunId": parent()?.id,
      "uncouple.study": STUDY.id,
      "uncouple.trial": "1",
      "uncouple.trial.state": "complete",
    },
    points: [
      ["validation_loss", 100, 0.9],
      ["validation_loss", 300, 0.5],
      ["seconds", 900, 7],
      ["value", 900, 0.4],
    ],
  });
  // As MLflow's own storage for Optuna marks a pruned trial.
  expect(child(2)).toMatchObject({ status: "KILLED", tags: { "uncouple.trial.state": "pruned" } });
  expect(child(3)).toMatchObject({
    status: "FAILED",
    tags: { "uncouple.error": "invalid-argument: steps: must be at least 1", "uncouple.trial.external": "true" },
  });
  expect(child(4)).toMatchObject({ status: "FINISHED", points: expect.arrayContaining([["value", 300, 0.3]]) });
  expect(server.runs).toHaveLength(5);
});

test("a trainer that is killed anywhere, at a server that loses answers, leaves each run and point once", async () => {
  const trials = [1, 2, 3].map((number) => complete(number, 1 / number));
  const study = { now: { ...STUDY, trials: [] as readonly Trial[] } as Study };
  // Whatever its kind, a request is fulfilled at least once, without an answer.
  const lost = new Set<string>();
  server.disturb = (path, body) => {
    const kind = `${path} ${body.slice(0, 60)}`;
    if (lost.has(kind) || lost.size > 40) return undefined;
    lost.add(kind);
    return "lost";
  };
  const shown = trials.flatMap((one, i) => [
    [...trials.slice(0, i), trial(one.trial, { measured: measured(0.9) })],
    [...trials.slice(0, i), one],
  ]);
  for (const now of shown) {
    const { shows, warnings } = trainer(study);
    await shows({ trials: now });
    expect(warnings.every((text) => text.includes("still trying"))).toBe(true);
  }
  study.now = { ...study.now, state: "complete", finishedAt: "2026-01-01T01:00:00.000Z" };
  const { restored, idle, dropped } = trainer(study);
  restored();
  await idle();
  expect(lost.size).toBeGreaterThan(15);
  expect(dropped()).toBe(0);
  expect(server.runs).toHaveLength(4);
  expect(server.runs.map(({ status }) => status)).toEqual(Array(4).fill("FINISHED"));
  for (const { points } of server.runs) {
    const steps = points.map(([key, step]) => `${key} ${step}`);
    expect(steps).toEqual([...new Set(steps)]);
  }
  expect(parent()?.points).toEqual(trials.map(({ trial: step, value }) => ["best_value", step, value]));
  expect(child(3)?.points).toHaveLength(4);
});

test("a study that ended while the server was away is ended there after a restart; one that it never had is not", async () => {
  const study = { now: STUDY };
  const first = trainer(study);
  await first.shows({ trials: [complete(1, 0.4), trial(2, { measured: measured(0.9) })] });
  study.now = { ...study.now, state: "complete", trials: [complete(1, 0.4), complete(2, 0.2), complete(3, 0.3)] };
  const second = trainer(study);
  second.restored();
  await second.idle();
  expect(server.runs.map(({ status }) => status)).toEqual(["FINISHED", "FINISHED", "FINISHED", "FINISHED"]);
  expect(parent()?.tags["uncouple.best.trial"]).toBe("2");

  const requests = server.taken.length;
  const other = trainer({ now: { ...study.now, id: "20260101-000000-def" } });
  other.restored();
  await other.idle();
  expect(server.runs).toHaveLength(4);
  expect(server.taken.length).toBeLessThan(requests + 5);
});

test("a stopped study is killed there and its trial waits; when it goes on, both run again, once", async () => {
  const study = { now: STUDY };
  const { shows } = trainer(study);
  await shows({ trials: [complete(1, 0.4), trial(2, { measured: measured(0.9) })] });
  await shows({
    state: "stopped",
    trials: [complete(1, 0.4), trial(2, { state: "waiting", measured: measured(0.9) })],
  });
  expect([parent(), child(1), child(2)].map((run) => run?.status)).toEqual(["KILLED", "FINISHED", "SCHEDULED"]);
  await shows({ state: "running", trials: [complete(1, 0.4), trial(2, { measured: measured(0.9) })] });
  expect([parent(), child(2)].map((run) => run?.status)).toEqual(["RUNNING", "RUNNING"]);
  await shows({ state: "complete", trials: [complete(1, 0.4), complete(2, 0.5)] });
  expect(server.runs.map(({ status }) => status)).toEqual(["FINISHED", "FINISHED", "FINISHED"]);
  expect(child(2)?.points.filter(([key]) => key === "validation_loss")).toHaveLength(2);
});

test("an outage is caught up with in pieces, between which runs are logged", async () => {
  server.disturb = () => ({ status: 503 });
  const study = { now: { ...STUDY, trials: Array.from({ length: 25 }, (_, i) => complete(i + 1, 1 / (i + 1))) } };
  const { changed, queue, until, warnings } = trainer(study);
  changed();
  await until(() => expect(warnings).toHaveLength(1));
  let before = 0;
  queue.add("a run", async () => {
    before = server.runs.length;
  });
  for (let more = 0; more < 300; more++) changed();
  expect(queue.size()).toBe(3);
  server.disturb = () => undefined;
  await until(() => expect(server.runs).toHaveLength(26));
  expect(before).toBe(21);
});

test("a trial that the server refuses is given up, and those after it are logged", async () => {
  server.disturb = (path, body) =>
    path.endsWith("runs/create") && body.includes('"run_name":"m2 trial 2')
      ? { status: 400, body: '{"error_code":"INVALID_PARAMETER_VALUE","message":"no"}' }
      : undefined;
  const { shows, until, dropped, warnings } = trainer({ now: STUDY });
  await shows({ trials: [complete(1, 0.4), complete(2, 0.2), complete(3, 0.3)] });
  await until(() => expect(child(3)?.status).toBe("FINISHED"));
  expect(child(2)).toBeUndefined();
  expect(dropped()).toBe(1);
  expect(warnings.at(-1)).toBe(
    "tracking: gave up on a request to the MLflow server: status 400, INVALID_PARAMETER_VALUE: no",
  );
  await shows({ state: "complete" });
  expect(parent()?.status).toBe("FINISHED");
});

test("a study whose team file the trainer cannot read any more is logged without its settings", async () => {
  const tracking = trackInProcess(server.url);
  const studies = createStudyTracking({
    ...tracking,
    pipeline: "ads",
    component: "m2",
    codeVersion: "1.0.0",
    settings() {
      throw new UncoupleError("invalid-argument", "components: unknown component m2");
    },
  });
  const error = { code: "invalid-argument" as const, message: "components: unknown component m2" };
  studies.changed({ id: STUDY.id, study: () => ({ ...STUDY, state: "failed", error, rows: null }) });
  await tracking.idle();
  expect(parent()).toMatchObject({
    status: "FAILED",
    params: {},
    tags: { "uncouple.error": "invalid-argument: components: unknown component m2", "uncouple.study.state": "failed" },
  });
});
