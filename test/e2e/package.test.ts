import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { runCliProcess, type SpawnOptions, spawnCli } from "../helpers/spawn-cli.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
/** Not part of a clone, or not needed for packing. */
const LEFT_OUT = /^(node_modules|dist|out|test|\.git|\.uncouple|.*\.tgz)$/;

let folder: string;
/** The user's folder, where the package is installed. */
let home: string;
let installed: string;

beforeAll(async () => {
  await natsServerBinary();
  folder = await mkdtemp(join(tmpdir(), "uncouple-package-"));
  home = join(folder, "home");
  installed = join(home, "node_modules", "uncouple");
  await install(await pack());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Packs a copy of the sources, because packing rebuilds dist/, which other tests use. @returns path of the tarball */
async function pack(): Promise<string> {
  const clone = join(folder, "clone");
  await mkdir(clone);
  for (const name of await readdir(root)) {
    if (!LEFT_OUT.test(name)) await cp(join(root, name), join(clone, name), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(clone, "node_modules"));
  await expect(run("npm", ["pack", "--loglevel=error"], { cwd: clone })).rejects.toThrow("use-npm-run-pack");
  await run("npm", ["run", "pack"], { cwd: clone });
  const tarball = (await readdir(clone)).find((name) => name.endsWith(".tgz"));
  return join(clone, tarball ?? "no tarball");
}

/**
 * Installs the package from the tarball with npm, so that files and command are what a user gets. Links the
 * dependencies from this clone, where npm installed the same versions, because installing them again takes most of a
 * minute. Links no development dependencies, which a user's npm skips, so that a dependency declared in the wrong place
 * is missing here, too.
 */
async function install(tarball: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const { packages } = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const dependencies = { uncouple: `file:${tarball}` };
  const { version, bin } = manifest;
  const lock = {
    lockfileVersion: 3,
    packages: {
      "": { dependencies },
      // Lists no dependencies, so that npm installs none.
      "node_modules/uncouple": { version, bin, resolved: `file:${tarball}` },
    },
  };
  await mkdir(home);
  await writeFile(join(home, "package.json"), JSON.stringify({ private: true, dependencies }));
  await writeFile(join(home, "package-lock.json"), JSON.stringify(lock));
  await run("npm", ["ci", "--offline", "--ignore-scripts"], { cwd: home });
  for (const [path, { dev }] of Object.entries<{ readonly dev?: boolean }>(packages)) {
    if (dev === true || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || !existsSync(join(root, path))) continue;
    await mkdir(dirname(join(home, path)), { recursive: true });
    await symlink(join(root, path), join(home, path));
  }
}

const npx = (...args: string[]) => run("npx", ["--no", "--", "uncouple", ...args], { cwd: home });

describe("the package, installed from its tarball", () => {
  it("contains the build, and neither sources nor tests", async () => {
    const files = await readdir(installed, { recursive: true });
    expect(files).toContain("dist/services/cli/main.js");
    expect(files.filter((file) => /\.ts$|\.map$|^test|^services|^node_modules/.test(file))).toEqual([]);
    expect(existsSync(join(home, "node_modules", "typescript"))).toBe(false);
  });

  it("contains every file that its documents link to", async () => {
    const documents = (await readdir(installed, { recursive: true })).filter((file) => file.endsWith(".md"));
    expect(documents).toContain("docs/operations.md");
    for (const document of documents) {
      const text = await readFile(join(installed, document), "utf8");
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = ""]) => link);
      expect(links.filter((link) => !existsSync(join(installed, dirname(document), link)))).toEqual([]);
    }
  });

  it("makes the command available to npx", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect(await npx("--version")).toEqual({ stdout: `${version}\n`, stderr: "" });
    // Also by itself, as in an image.
    const main = join(installed, "dist/services/cli/main.js");
    expect(await run(main, ["--version"])).toMatchObject({ stdout: `${version}\n` });
  });

  it("runs the demo, which writes its report into the user's folder", async () => {
    const { stdout, stderr } = await npx("demo", "--memory");
    expect(stderr).toBe("");
    expect(stdout).toContain("Report: out/demo/report.html");
    expect(await readFile(join(home, "out/demo/report.html"), "utf8")).toContain("<svg ");
  });

  it("has the benchmark's tables", async () => {
    const { stdout } = await npx(..."benchmark --pipelines penguins --protocols async --seeds 1 --json".split(" "));
    expect(JSON.parse(stdout).edges).toMatchObject([{ pipeline: "penguins", component: "flipper", method: "async" }]);
  });

  it("runs a stack with a TypeScript model to its first verdict, and stops on Ctrl-C", async () => {
    await writeFile(join(home, "pipeline.yaml"), PIPELINE);
    await writeFile(join(home, "m1.yaml"), "component: m1\nmodel: { module: ./model.ts }\nsteps: 100\n");
    await writeFile(join(home, "model.ts"), MODEL);
    const options: SpawnOptions = {
      cwd: home,
      env: { NATS_URL: "" },
      installed: join(installed, "dist/services/cli/main.js"),
    };
    const up = spawnCli(["up", "pipeline.yaml", "m1.yaml", "--json"], options);
    try {
      await up.seen(/\n}\n$/);
      const train = await runCliProcess(["train", "m1", "--follow"], options);
      expect(train).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/warn/i) });
      const verdicts = spawnCli(["verdicts", "--follow"], options);
      await verdicts.seen(/^m1@1 /m);
      verdicts.child.kill("SIGINT");
      expect(await verdicts.ended).toBe(130);
      up.child.kill("SIGINT");
      expect(await up.ended).toBe(130);
      expect(up.stderr()).toBe("stopping\nstopped\n");
    } finally {
      up.child.kill("SIGKILL");
    }
  });
});

const PIPELINE = `pipeline: tiny
data: { source: synthetic, generator: two-stage, seed: 3, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
`;

/** Uses syntax that Node cannot strip by itself. */
const MODEL = `
enum Width { Hidden = 8 }
interface Shape { readonly inputs: number; readonly outputs: number; readonly seed: number }

export function buildModel(tf: any, { inputs, outputs, seed }: Shape) {
  const kernelInitializer = tf.initializers.heNormal({ seed });
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: Width.Hidden, activation: "elu", inputShape: [inputs], kernelInitializer }),
      tf.layers.dense({ units: outputs }),
    ],
  });
}
`;
