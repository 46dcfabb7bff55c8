import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SmokeResult } from "../../../services/trainer/smoke/smoke-test.ts";
import { cli } from "../../helpers/cli.ts";
import { commonFiles } from "../../helpers/wrong-commands/fixtures.ts";

const files: Readonly<Record<string, string>> = {
  ...commonFiles,
  "tested.yaml":
    "component: m2\nmodel: { hidden: [8] }\nengine: onnx:cpu\ntests: [{ name: narrow, bounded: { low: 0, high: 0.001 } }]\n",
  "broken.mjs": "export function buildModel() { throw new Error('no such layer'); }\n",
  "broken.yaml": "component: m1\nmodel: { module: broken.mjs }\nengine: onnx:cpu\n",
  "rising.yaml":
    "component: m1\nmodel: { hidden: [] }\noptimizer: { name: sgd, learning_rate: 4 }\nschedule: { warmup: 0, decay: constant }\nengine: onnx:cpu\n",
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-smoke-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true }));

const smoke = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli(["smoke-test", "--json", ...args], { cwd: folder });
  const results = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as SmokeResult]));
  return { code, stderr, results };
};

describe("uncouple smoke-test", () => {
  it("trains each component on the outputs of the ones before it, and leaves nothing behind", async () => {
    const { code, stderr, results } = await smoke("m2.yaml", "pipeline.yaml", "m1.yaml", "--rows", "300");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(results).toMatchObject([
      { component: "m1", passed: true, rows: 300, steps: 60, model: "dense 10-8-3", madeUp: [], error: null },
      { component: "m2", passed: true, rows: 300, steps: 60, engine: expect.stringMatching(/^onnx/), madeUp: [] },
    ]);
    for (const { loss, bytes } of results) {
      expect(loss?.trend).toBe("fell");
      expect(bytes).toBeGreaterThan(100);
    }
    expect((await readdir(folder)).sort()).toEqual(Object.keys(files).sort());
  });

  it("gives the same losses again, and makes up the outputs of what has no team file", async () => {
    const [once, again] = [await smoke("pipeline.yaml", "tested.yaml"), await smoke("pipeline.yaml", "tested.yaml")];
    const [result] = once.results;
    expect(result).toMatchObject({ component: "m2", passed: true, steps: 200, madeUp: ["m1"] });
    expect(again.results[0]?.loss).toEqual(result?.loss);
    // A model after a few steps may fail its team's tests.
    expect(result?.tests).toMatchObject([{ name: "narrow", passed: false }]);
    const { stdout } = await cli(["smoke-test", "pipeline.yaml", "tested.yaml"], { cwd: folder });
    expect(stdout).toMatch(/^passed m2: \d+ rows, 200 steps, .*0 of 1 tests passed/);
    expect(stdout).toContain('after 200 steps, fails "narrow": ');
    expect(stdout).toContain("outputs of m1 were made up");
  });

  it("says what is wrong with a component, and goes on with the others", async () => {
    const { code, results } = await smoke("pipeline.yaml", "broken.yaml", "m2.yaml");
    expect(code).toBe(20);
    expect(results).toMatchObject([
      { component: "m1", passed: false, error: expect.stringContaining("no such layer"), loss: null, model: null },
      { component: "m2", passed: true, madeUp: ["m1"] },
    ]);
  });

  it("fails a training whose loss rises", async () => {
    const { code, results } = await smoke("pipeline.yaml", "rising.yaml", "--steps", "20");
    expect({ code, passed: results[0]?.passed }).toEqual({ code: 20, passed: false });
    expect(results[0]?.error).toMatch(/^the training loss rose from [\d.]+ to [\d.e+]+$/);
  });

  it("stops on Ctrl-C", async () => {
    const interrupt = new AbortController();
    queueMicrotask(() => interrupt.abort());
    const { code } = await cli(["smoke-test", "pipeline.yaml", "m1.yaml"], {
      cwd: folder,
      interrupt: interrupt.signal,
    });
    expect(code).toBe(130);
  });
});
