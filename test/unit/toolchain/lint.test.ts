import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
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
  folder = await mkdtemp(join(tmpdir(), "uncouple-lint-"));
  for (const name of [".oxlintrc.json", "package.json", "tsconfig.json"]) {
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
