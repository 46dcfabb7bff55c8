import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** A copy of the project's lint settings beside one planted set of files. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-import-rule-"));
  for (const name of ["biome.json", ".oxlintrc.json", ".gitignore", "package.json", "tsconfig.json"]) {
    await cp(join(root, name), join(folder, name));
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function plant(files: Readonly<Record<string, string>>): Promise<void> {
  await rm(join(folder, "services"), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function lint(tool: string, args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(join(root, "node_modules/.bin", tool), args, { cwd: folder });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const failed = error as { readonly code: number; readonly stdout: string; readonly stderr: string };
    return { code: failed.code, output: failed.stdout + failed.stderr };
  }
}

const biome = () => lint("biome", ["lint", "--max-diagnostics=none", "--reporter=github", "."]);

/** The errors of one planted file, as GitHub annotations. */
function errorsOf(outcome: Outcome, path: string): string[] {
  return outcome.output.split("\n").filter((line) => line.startsWith("::error") && line.includes(`/${path},`));
}

const base = ["pipeline", "data", "registry", "rpc", "runtime", "learning"];
const apps = [...base, "report", "trainer", "evaluator"];

/** Every room under services/ and the rooms that it may import. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  pipeline: [],
  data: ["pipeline"],
  registry: ["pipeline"],
  rpc: ["pipeline"],
  runtime: ["pipeline"],
  learning: ["pipeline", "data"],
  report: ["pipeline"],
  trainer: base,
  evaluator: base,
  experiments: apps,
  simulator: apps,
  cli: [...apps, "experiments", "simulator"],
};

/** A folder in which a package may be imported, and the modules that nobody else may. */
const owners: readonly { readonly owner: string; readonly modules: readonly string[] }[] = [
  {
    owner: "services/learning",
    modules: [
      "@tensorflow/tfjs",
      "@tensorflow/tfjs-core/dist/tensor.js",
      "@tensorflow/tfjs-node-gpu",
      "onnxruntime-node",
    ],
  },
  { owner: "services/registry/jetstream", modules: ["nats", "nats/lib/nats-base-client/types.js"] },
  { owner: "services/rpc", modules: ["@grpc/grpc-js", "@grpc/proto-loader", "@grpc/reflection", "grpc-health-check"] },
  { owner: "services/data", modules: ["@duckdb/node-api"] },
  { owner: "services/report", modules: ["vega", "vega-lite"] },
];

describe("the import rule", () => {
  test("covers every room that there is", async () => {
    const entries = await readdir(join(root, "services"), { withFileTypes: true });
    const there = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(Object.keys(rooms)).toEqual(expect.arrayContaining(there));
  });

  test("refuses each import between rooms that is not allowed, from any depth, and admits the others", async () => {
    const files: Record<string, string> = {};
    for (const from of Object.keys(rooms)) {
      for (const to of Object.keys(rooms)) {
        if (from === to) continue;
        files[`services/${from}/to-${to}.ts`] = `export { a } from "../${to}/a.ts";\n`;
        files[`services/${from}/deep/type-to-${to}.ts`] =
          `import type { A } from "../../${to}/deep/a.ts";\nexport type B = A;\n`;
        files[`services/${from}/lazy-to-${to}.ts`] = `export const a = await import("../${to}/a.ts");\n`;
      }
      files[`services/${from}/deep/own.ts`] =
        'export { a } from "../a.ts";\nexport { b } from "./b.ts";\nexport { c } from "../other/c.ts";\n';
    }
    await plant(files);
    const outcome = await biome();
    expect(outcome.code).not.toBe(0);
    for (const path of Object.keys(files)) {
      const from = path.split("/")[1] ?? "";
      const to = path.match(/to-(\w+)\.ts$/)?.[1];
      const allowed = to === undefined || rooms[from]?.includes(to);
      const errors = errorsOf(outcome, path);
      expect(errors, path).toHaveLength(allowed ? 0 : 1);
      if (!allowed) expect(errors[0]).toContain(`services/${from} may import`);
    }
  });

  test.each(owners)("keeps $modules to $owner", async ({ owner, modules }) => {
    const files: Record<string, string> = {};
    const folders = [...Object.keys(rooms).map((room) => `services/${room}`), "services/registry/memory", owner];
    for (const into of folders) {
      modules.forEach((module, index) => {
        files[`${into}/planted-${index}.ts`] = `import a from "${module}";\nexport { a };\n`;
      });
    }
    await plant(files);
    const outcome = await biome();
    expect(outcome.code).not.toBe(0);
    for (const path of Object.keys(files)) {
      const allowed = path.startsWith(`${owner}/`);
      const errors = errorsOf(outcome, path);
      expect(errors, path).toHaveLength(allowed ? 0 : 1);
      if (!allowed) expect(errors[0]).toContain("noRestrictedImports");
    }
  });

  test("leaves the process to main.ts files and the CLI", async () => {
    await plant({
      "services/trainer/main.ts": "export const pid = process.pid;\n",
      "services/cli/any.ts": 'import process from "node:process";\nexport const pid = process.pid;\n',
      "services/trainer/global.ts": "export const pid = process.pid;\n",
      "services/trainer/roundabout.ts": "export const pid = globalThis.process.pid;\n",
      "services/trainer/older.ts": "export const pid = global.process.pid;\n",
      "services/trainer/imported.ts": 'import { pid } from "node:process";\nexport { pid };\n',
    });
    const outcome = await biome();
    expect(outcome.code).not.toBe(0);
    expect(errorsOf(outcome, "services/trainer/main.ts")).toEqual([]);
    expect(errorsOf(outcome, "services/cli/any.ts")).toEqual([]);
    expect(errorsOf(outcome, "services/trainer/global.ts")).toHaveLength(1);
    expect(errorsOf(outcome, "services/trainer/imported.ts")).toHaveLength(1);
    expect(errorsOf(outcome, "services/trainer/roundabout.ts")).toHaveLength(1);
    expect(errorsOf(outcome, "services/trainer/older.ts")).toHaveLength(1);
  });

  test("keeps IO out of services/pipeline, and tests out of services", async () => {
    await plant({
      "services/pipeline/reads.ts": 'import { readFile } from "node:fs/promises";\nexport { readFile };\n',
      "services/trainer/helped.ts": 'export { a } from "../../test/helpers/a.ts";\n',
    });
    const outcome = await biome();
    expect(errorsOf(outcome, "services/pipeline/reads.ts")).toHaveLength(1);
    expect(errorsOf(outcome, "services/trainer/helped.ts")).toHaveLength(1);
  });

  test("passes a file that keeps it", async () => {
    await plant({ "services/trainer/good.ts": 'export { a } from "../pipeline/a.ts";\n' });
    expect(await biome()).toMatchObject({ code: 0 });
  });
});

describe("the type-aware lint", () => {
  const oxlint = () => lint("oxlint", ["--type-aware", "--deny-warnings", "services"]);

  test.each([
    [
      "a promise that nobody waits for",
      "no-floating-promises",
      "async function f() {}\nexport function g() {\n  f();\n}\n",
    ],
    [
      "a promise used as a condition",
      "no-misused-promises",
      "async function f() {\n  return true;\n}\nexport function g() {\n  return f() ? 1 : 2;\n}\n",
    ],
    [
      "a switch that forgets a case",
      "switch-exhaustiveness-check",
      'export function g(a: "x" | "y") {\n  switch (a) {\n    case "x":\n      return 1;\n  }\n  return 0;\n}\n',
    ],
  ])("catches %s", async (_name, rule, text) => {
    await plant({ "services/trainer/planted.ts": text });
    const outcome = await oxlint();
    expect(outcome.code).not.toBe(0);
    expect(outcome.output).toContain(rule);
  });

  test("passes a promise that is awaited", async () => {
    await plant({
      "services/trainer/good.ts": "async function f() {}\nexport async function g() {\n  await f();\n}\n",
    });
    expect(await oxlint()).toMatchObject({ code: 0 });
  });
});
