import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";
import {
  changesOf,
  type TrainingFingerprint,
  trainingFingerprint,
} from "../../../../services/trainer/checkpoints/training-fingerprint.ts";
import { writeModelModule } from "../../../helpers/model-modules.ts";
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

const digests = { m1: "0".repeat(64), m2: "1".repeat(64) };
const basisOf = (pipeline: Pipeline, config = m2, now: Parameters<typeof trainingFingerprint>[2] = data) =>
  trainingFingerprint(pipeline, config, now, digests, "0.1.0");

test("the fingerprint covers the rows and the component with its ancestors", async () => {
  const before = await basisOf(benchPipeline);
  const changes = async (...now: Parameters<typeof basisOf>) => changesOf(before, await basisOf(...now));
  expect(await changes(benchPipeline)).toBeUndefined();
  expect(await changes({ ...benchPipeline, name: "other" })).toBeUndefined();
  expect(await changes(withComponent("m2", { columns: ["x2", "x1"] }))).toBe("the component or its inputs");
  expect(await changes(withComponent("m1", { columns: ["x9"] }))).toBe("the component or its inputs");
  expect(await changes(benchPipeline, m2, { training: rows("b"), audit: rows("c") })).toBe(
    "the training rows and the audited rows",
  );
});

test("a different Uncouple version is a change, unless the stored fingerprint has none", async () => {
  const before = await basisOf(benchPipeline);
  const later = await trainingFingerprint(benchPipeline, m2, data, digests, "0.2.0");
  expect(changesOf(before, later)).toBe("the Uncouple version (0.1.0, now 0.2.0)");
  const { codeVersion: _, ...unversioned } = before;
  expect(changesOf(JSON.parse(JSON.stringify(unversioned)) as TrainingFingerprint, later)).toBeUndefined();
});

test("a pinned snapshot whose serial has another model now is a change, unless the stored fingerprint has none", async () => {
  const before = await basisOf(benchPipeline);
  const now = (changed: Readonly<Record<string, string>>) =>
    trainingFingerprint(benchPipeline, m2, data, changed, "0.1.0");
  expect(changesOf(before, await now({ m2: digests.m2, m1: digests.m1 }))).toBeUndefined();
  const replaced = await now({ ...digests, m1: "2".repeat(64) });
  expect(changesOf(before, replaced)).toBe("the snapshots to train on");
  const { snapshots: _, ...earlier } = before;
  expect(changesOf(earlier, replaced)).toBeUndefined();
});

describe("a model module", () => {
  let folder: string;
  let path: string;
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const basis = () => basisOf(benchPipeline, team({ component: "m2", model: { kind: "module", path } }));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "uncouple-basis-"));
    await mkdir(join(folder, "node_modules/@team/layers"), { recursive: true });
    await write("node_modules/@team/layers/package.json", '{ "version": "1.0.0" }');
    await write("units.json", "[8]");
    path = await writeModelModule(folder, {
      prelude: `import units from "./units.json";
        import { readFile } from "node:fs/promises";
        import { layer } from "@team/layers/dense";
        export const used = [units, readFile, layer];`,
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    ["the version of a package", () => write("node_modules/@team/layers/package.json", '{ "version": "1.0.1" }')],
    ["a JSON file that it imports", () => write("units.json", "[9]")],
    ["a module that it imports", () => write("helper.ts", "export const width = 7;")],
    ["itself", () => writeModelModule(folder)],
  ])("has changed after an edit of %s", async (_what, edit) => {
    const before = await basis();
    expect(changesOf(before, await basis())).toBeUndefined();
    await edit();
    expect(changesOf(before, await basis())).toBe("the model module or its imports");
  });

  test.each([
    ["no.ts", undefined, /no\.ts: file not found/],
    ["cut.ts", "export const = 3;", /cut\.ts: cannot be loaded: cut\.ts:1: Expected identifier/],
    ["lost.ts", 'import "./gone.ts";', /lost\.ts: cannot be loaded: lost\.ts:1: Could not resolve "\.\/gone\.ts"/],
  ])("that cannot be read with all its imports is rejected: %s", async (name, text, message) => {
    if (text !== undefined) await write(name, text);
    const config = team({ component: "m2", model: { kind: "module", path: join(folder, name) } });
    await expect(basisOf(benchPipeline, config)).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(message),
    });
  });
});
