import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, floats, ints, LAYER, node, soundModel, value, WEIGHTS } from "../../corpus/build-model.ts";
import { cli } from "../../helpers/cli.ts";
import { denseBytes, oracleOf } from "../../helpers/dense-snapshots.ts";
import { commonFiles } from "../../helpers/wrong-commands/fixtures.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-inspect-"));
  const files: Record<string, Uint8Array | string> = {
    "pipeline.yaml": commonFiles["pipeline.yaml"] as string,
    "sound.onnx": soundModel(),
    "m1.onnx": denseBytes(oracleOf("m1"), "z"),
    "m2.onnx": denseBytes(oracleOf("m2"), "y"),
    "random.onnx": bytesOf({ nodes: [node("RandomNormal", "", "z", { shape: [3] })] }),
    "leak.onnx": bytesOf({
      nodes: [node("MatMul", "x1 w", "y"), node("ReduceMean", "y rows", "m"), node("Add", "y m", "z")],
      constants: [WEIGHTS, ints("rows", [0])],
    }),
    "texts.onnx": bytesOf({
      nodes: [
        node("Equal", "city one", "same"),
        node("Cast", "same", "number", { to: 1 }),
        node("Concat", "x1 number", "z", { axis: 1 }),
      ],
      constants: [{ name: "one", dims: [1, 1], dataType: 8, stringData: [new TextEncoder().encode("a")] }],
      graph: {
        input: [value("x1", ["rows", 2]), value("city", ["rows", 1], "string")],
        output: [value("z", ["rows", 3]), value("number", ["rows", 1])],
      },
    }),
    "integers.onnx": bytesOf({
      nodes: [node("Gather", "w code", "z")],
      constants: [floats("w", [10, 3])],
      graph: { input: [value("code", ["rows"], "int64")] },
    }),
    "wide.onnx": bytesOf({
      nodes: [LAYER],
      constants: [floats("w", [10, 4])],
      graph: { output: [value("z", ["rows", 4])] },
    }),
    "large.onnx": "",
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await truncate(join(folder, "large.onnx"), 257 * 1024 ** 2);
});
afterAll(() => rm(folder, { recursive: true }));

const inspect = (...args: string[]) => cli(["inspect", ...args], { cwd: folder });
const forM1 = ["--pipeline-file", "pipeline.yaml", "--component", "m1"];

describe("uncouple inspect", () => {
  it("accepts sound models without a pipeline file, and lists their operators", async () => {
    const { code, stdout, stderr } = await inspect("sound.onnx", "m1.onnx", "texts.onnx");
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^accepted sound.onnx: MatMul \(\d+ ms\)\naccepted m1.onnx: .*Gemm.*\naccepted texts.onnx: Cast, Concat, Equal .*\n$/,
    );
    expect(code).toBe(0);
  });

  it("refuses a model with its reason and exits with 20, after all others", async () => {
    const { code, stdout } = await inspect("random.onnx", "leak.onnx", "integers.onnx", "large.onnx", "sound.onnx");
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^refused random.onnx: forbidden-operator: the model contains the operator RandomNormal /);
    expect(lines[1]).toMatch(/^refused leak.onnx: not-row-wise: z of a row changes when/);
    expect(lines[2]).toBe(
      "refused integers.onnx: wrong-inputs: the model has the input code: int64 [rows]; components have inputs float32 [rows, width] and string [rows, 1]",
    );
    expect(lines[3]).toMatch(/^refused large.onnx: oversized: the model has 269484032 bytes, .* at most 268435456$/);
    expect(lines[4]).toMatch(/^accepted sound.onnx/);
    expect(code).toBe(20);
  });

  it("checks the contract of a component, with its upstream's outputs made up", async () => {
    expect(await inspect("sound.onnx", "m1.onnx", ...forM1)).toMatchObject({ code: 0 });
    expect(await inspect("m2.onnx", "--pipeline-file", "pipeline.yaml", "--component", "m2")).toMatchObject({
      code: 0,
    });
    const { code, stdout } = await inspect("wide.onnx", "m2.onnx", ...forM1);
    expect(stdout).toMatch(
      /^refused wide.onnx: wrong-output: .*\[rows, 4\]; the pipeline requires float32 \[rows, 3\]\n/,
    );
    expect(stdout).toMatch(/\nrefused m2.onnx: wrong-inputs: /);
    expect(code).toBe(20);
  });

  it("prints a line of JSON for each model", async () => {
    const { code, stdout } = await inspect("leak.onnx", "sound.onnx", "random.onnx", "--json");
    const [leak, sound, random] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    const declared = {
      inputs: [{ name: "x1", type: "float32", shape: ["rows", 10] }],
      outputs: [{ name: "z", type: "float32", shape: ["rows", 3] }],
    };
    const milliseconds = expect.any(Number) as number;
    expect(leak).toEqual({
      file: "leak.onnx",
      accepted: false,
      reason: "not-row-wise",
      detail: expect.stringMatching(/^z of a row/) as string,
      operators: ["Add", "MatMul", "ReduceMean"],
      milliseconds,
      ...declared,
    });
    expect(sound).toEqual({
      file: "sound.onnx",
      accepted: true,
      reason: null,
      detail: null,
      operators: ["MatMul"],
      milliseconds,
      ...declared,
    });
    expect(random).toMatchObject({ accepted: false, inputs: [], outputs: [], operators: [] });
    expect(code).toBe(20);
  });

  it("lists its exit code in its help", async () => {
    expect((await cli(["inspect", "--help"])).stdout).toMatch(
      /\n +20 {2}a model or snapshot is refused or quarantined, or fails a test\n/,
    );
  });
});
