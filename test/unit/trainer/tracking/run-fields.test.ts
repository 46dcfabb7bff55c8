import { expect, test } from "vitest";
import { DEFAULT_TEAM, type TeamConfig } from "../../../../services/pipeline/team.ts";
import { newStoredRun } from "../../../../services/trainer/runs/stored-run.ts";
import { endOf, parametersOf, tagsOf } from "../../../../services/trainer/tracking/run-fields.ts";

const team: TeamConfig = { ...DEFAULT_TEAM, component: "click", model: { kind: "dense", hidden: [8, 4] } };
const { run } = newStoredRun("r1", 1, { trigger: "upstream", team }, "2026-01-01T00:00:00.000Z");

test("settings are parameters by their paths, lists as JSON", () => {
  expect(parametersOf(team)).toMatchObject({
    "model.kind": "dense",
    "model.hidden": "[8,4]",
    "optimizer.learningRate": "0.01",
    "schedule.decay": "cosine",
    "protocol.name": "async",
    steps: "4000",
  });
  expect(parametersOf(team)).not.toHaveProperty("component");
});

test("a run of a study names its trial", () => {
  const who = { pipeline: "ads", component: "click", codeVersion: "1.0.0" };
  expect(tagsOf(who, run, { study: "s1", trial: 3 })).toMatchObject({
    "uncouple.component": "click",
    "uncouple.trigger": "upstream",
    "uncouple.study": "s1",
    "uncouple.trial": "3",
  });
  expect(tagsOf(who, run, undefined)).not.toHaveProperty("uncouple.study");
});

test("a failed run says why, a cancelled one is killed", () => {
  const failed = { ...run, state: "failed" as const, error: { code: "unavailable" as const, message: "no store" } };
  expect(endOf(failed, undefined)).toEqual({ status: "FAILED", tags: { "uncouple.error": "unavailable: no store" } });
  expect(endOf({ ...run, state: "cancelled" }, undefined)).toEqual({ status: "KILLED", tags: {} });
});
