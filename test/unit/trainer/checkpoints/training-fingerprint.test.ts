import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";
import { changesOf, trainingFingerprint } from "../../../../services/trainer/checkpoints/training-fingerprint.ts";
import { team } from "../../../helpers/teams.ts";
import { benchPipeline } from "../../../helpers/trainer-bench.ts";

const rows = (fingerprint: string) => ({
  table: { rows: 1, columns: {} },
  bad: { total: 1, bad: 0, examples: [] },
  fingerprint,
});
const data = { training: rows("a") };
const m2 = team({ component: "m2" });
const withComponent = (name: string, change: Partial<Component>): Pipeline => ({
  ...benchPipeline,
  components: benchPipeline.components.map((component) =>
    component.name === name ? { ...component, ...change } : component,
  ),
});

test("what a checkpoint was made from is the rows, the component with its ancestors, and a user's model", async () => {
  const before = await trainingFingerprint(benchPipeline, m2, data);
  const changes = async (pipeline: Pipeline, config = m2, now: Parameters<typeof trainingFingerprint>[2] = data) =>
    changesOf(before, await trainingFingerprint(pipeline, config, now));
  expect(await changes(benchPipeline)).toBeUndefined();
  expect(await changes({ ...benchPipeline, name: "other" })).toBeUndefined();
  expect(await changes(withComponent("m2", { columns: ["x2", "x1"] }))).toBe("the component or what it reads");
  expect(await changes(withComponent("m1", { columns: ["x9"] }))).toBe("the component or what it reads");
  expect(await changes(benchPipeline, m2, { training: rows("b"), audit: rows("c") })).toBe(
    "the training rows and the audited rows",
  );
});

test("a model's module is known by what is in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "uncouple-basis-"));
  try {
    const path = join(folder, "model.ts");
    const own = team({ component: "m2", model: { kind: "module", path } });
    await writeFile(path, "export const loss = 1;");
    const before = await trainingFingerprint(benchPipeline, own, data);
    expect(changesOf(before, await trainingFingerprint(benchPipeline, own, data))).toBeUndefined();
    await writeFile(path, "export const loss = 2;");
    expect(changesOf(before, await trainingFingerprint(benchPipeline, own, data))).toBe("the model's module");
  } finally {
    await rm(folder, { recursive: true });
  }
});
