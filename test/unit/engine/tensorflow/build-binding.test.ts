import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { type BuildOptions, buildBinding } from "../../../../services/engine/tensorflow/build-binding.ts";
import { loadTensorflow } from "../../../../services/engine/tensorflow/load-tensorflow.ts";
import { LIBRARIES } from "../../../../services/engine/tensorflow/tensorflow-library.ts";

const run = promisify(execFile);
const NAME = "@tensorflow/tfjs-node-gpu";
const machine = arch() === "arm64" ? "aarch64" : "x86_64";

let dir: string;
/** Has an executable for every tool, each of which succeeds and prints nothing. */
let tools: string;
/** URL of a module of this test only, because Node remembers what it resolved. */
let from: string;
/** Where its package is. */
let installed: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-binding-"));
  tools = join(dir, "tools");
  await mkdir(tools);
  for (const name of ["g++", "python3"]) {
    await writeFile(join(tools, name), "#!/bin/sh\n");
    await chmod(join(tools, name), 0o755);
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(async () => {
  const home = await mkdtemp(join(dir, "home-"));
  from = pathToFileURL(join(home, "module.js")).href;
  installed = join(home, "node_modules", NAME);
  await install("4.22.0");
});

/** Installs what the build needs of the package. */
async function install(version: string): Promise<void> {
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "package.json"), JSON.stringify({ name: NAME, version }));
}

/** Lays out Node as its archives do. @returns path of the binary */
async function nodeWithHeaders(): Promise<string> {
  const prefix = await mkdtemp(join(dir, "node-"));
  await mkdir(join(prefix, "bin"));
  await mkdir(join(prefix, "include", "node"), { recursive: true });
  await writeFile(join(prefix, "include", "node", "node_api.h"), "");
  await writeFile(join(prefix, "bin", "node"), "");
  return join(prefix, "bin", "node");
}

/** A folder with files as TensorFlow's package has them, in `tensorflow/`. */
async function packages(...files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(dir, "packages-"));
  for (const file of files) {
    const path = join(folder, "tensorflow", file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "not a library");
  }
  return folder;
}

const build = async (change: Partial<BuildOptions> & { readonly from: string | undefined }) =>
  buildBinding({
    node: await nodeWithHeaders(),
    env: { PATH: tools },
    clock: systemClock,
    signal: new AbortController().signal,
    log: () => {},
    packagesFrom: from,
    ...change,
  });

const HEADER = "include/tensorflow/c/c_api.h";
const linux = process.platform === "linux";

describe.runIf(linux)("building the binding says in one line what is missing", () => {
  const expectRefusal = async (building: Promise<unknown>, code: string, message: RegExp) => {
    const error = await building.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain("\n");
    if (existsSync(installed)) {
      // Nothing half-built stays behind.
      expect(await readdir(installed)).toEqual(["package.json"]);
    }
  };

  it("the package", async () => {
    await rm(installed, { recursive: true });
    await expectRefusal(build({ from: dir }), "failed-precondition", /neither .* is installed; install one with `npm/);
  });

  it("the right version of the package", async () => {
    await install("4.20.0");
    const message = /tfjs-node-gpu 4\.20\.0 does not fit @tensorflow\/tfjs 4\.22\.0; run `npm install/;
    await expectRefusal(build({ from: dir }), "failed-precondition", message);
  });

  it("the compiler", async () => {
    await expectRefusal(
      build({ from: dir, env: { PATH: dir } }),
      "failed-precondition",
      /no C\+\+ compiler: g\+\+ not found; .*apt-get install g\+\+/,
    );
    const env = { PATH: tools, CXX: "other-compiler" };
    await expectRefusal(build({ from: dir, env }), "failed-precondition", /other-compiler not found/);
  });

  it("python3, where it has to find TensorFlow or to unpack a wheel", async () => {
    const compilerOnly = await mkdtemp(join(dir, "tools-"));
    await symlink(join(tools, "g++"), join(compilerOnly, "g++"));
    const env = { PATH: compilerOnly };
    await expectRefusal(build({ from: undefined, env }), "failed-precondition", /python3 not found, .* give --from/);
    const wheel = join(dir, `tensorflow-2.21.0-cp312-cp312-manylinux_2_27_${machine}.whl`);
    await writeFile(wheel, "");
    await expectRefusal(build({ from: wheel, env }), "failed-precondition", /python3 not found, which unpacks/);
  });

  it("TensorFlow, where python3 does not have it", async () => {
    await expectRefusal(build({ from: undefined }), "not-found", /TensorFlow is not installed for python3: run/);
  });

  it("the file that --from names", async () => {
    await expectRefusal(build({ from: join(dir, "no.whl") }), "not-found", /--from .*no\.whl: no such file/);
  });

  it("a wheel for this machine", async () => {
    const other = machine === "x86_64" ? "aarch64" : "x86_64";
    for (const tag of [`manylinux_2_27_${other}`, "macosx_12_0_arm64", "win_amd64"]) {
      const wheel = join(dir, `tensorflow-2.21.0-cp312-cp312-${tag}.whl`);
      await writeFile(wheel, "");
      await expectRefusal(build({ from: wheel }), "invalid-argument", /is not a wheel for this machine: .* must end/);
    }
  });

  it("the libraries, in a folder without TensorFlow or with another major version", async () => {
    for (const files of [[], ["libtensorflow_cc.so.1", "libtensorflow_framework.so.1"], [LIBRARIES[0]]]) {
      const message = /does not contain TensorFlow 2: libtensorflow_\w+\.so\.2 not found/;
      await expectRefusal(build({ from: await packages(...files) }), "failed-precondition", message);
    }
  });

  it("the headers", async () => {
    const folder = await packages(...LIBRARIES);
    await expectRefusal(
      build({ from: folder }),
      "failed-precondition",
      /not its headers: include\/tensorflow\/c\/c_api/,
    );
  });
});

/** What finds and unpacks TensorFlow is Python; what compiles is a compiler. */
const available = async (program: string) =>
  run(program, ["--version"]).then(
    () => true,
    () => false,
  );
const hasPython = linux && (await available("python3"));
const hasCompiler = linux && (await available("g++"));

describe.runIf(linux)("a binding that compiled", () => {
  it("is removed if it does not load", async () => {
    const compiler = join(dir, "bad-compiler");
    await writeFile(compiler, '#!/bin/sh\nfor last; do :; done\ncase "$last" in *.node) echo x > "$last";; esac\n');
    await chmod(compiler, 0o755);
    await writeFile(join(installed, "index.js"), 'require("./lib/napi-v8/tfjs_binding.node");');
    const folder = await packages(...LIBRARIES, HEADER);
    const error = await build({ from: folder, env: { PATH: tools, CXX: compiler } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(/^the binding compiled, but does not work, and was removed: .*file too short/),
    });
    expect(await readdir(join(installed, "lib", "napi-v8"))).toEqual([]);
  });
});

describe.runIf(hasPython && hasCompiler)("building the binding", () => {
  /** The sources of the real package. */
  async function installSources(): Promise<void> {
    const real = dirname(createRequire(import.meta.url).resolve(`${NAME}/package.json`));
    await cp(join(real, "binding"), join(installed, "binding"), { recursive: true });
  }

  it("says what the compiler says, in one line, and keeps the binding that was there", async () => {
    await installSources();
    const binding = join(installed, "lib", "napi-v8", "tfjs_binding.node");
    await mkdir(dirname(binding), { recursive: true });
    await writeFile(binding, "a previous one");
    const folder = await packages(...LIBRARIES, HEADER);
    for (const place of [folder, join(folder, "tensorflow")]) {
      const error = await build({ from: place, env: process.env }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        message: expect.stringMatching(/^g\+\+ cannot build the binding of .*error: [^\n]+$/),
      });
    }
    expect(existsSync(binding)).toBe(true);
    expect((await readdir(installed)).sort()).toEqual(["binding", "lib", "package.json"]);
  });

  it("finds the TensorFlow that python3 would import", async () => {
    const folder = await packages("__init__.py");
    const env = { ...process.env, PYTHONPATH: folder, PYTHONNOUSERSITE: "1" };
    const found = await build({ from: undefined, env }).catch((thrown: unknown) => thrown);
    expect(found).toMatchObject({ message: expect.stringContaining(`${folder}/tensorflow does not contain`) });
  });

  it("unpacks from a wheel what it needs", async () => {
    const folder = await packages(...LIBRARIES, HEADER, "include/tsl/platform/ctstring.h", "python/tools/large.py");
    const wheel = join(dir, `tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_${machine}.whl`);
    await run("python3", ["-c", ZIP, wheel, folder]);
    await installSources();
    const error = await build({ from: wheel, env: process.env }).catch((thrown: unknown) => thrown);
    // It got as far as the compiler, which finds the one header and that it declares nothing.
    expect(error).toMatchObject({ message: expect.stringMatching(/^g\+\+ cannot build the binding/) });
    await writeFile(wheel, "not a wheel");
    const broken = await build({ from: wheel, env: process.env }).catch((thrown: unknown) => thrown);
    expect(broken).toMatchObject({ message: expect.stringMatching(/^cannot unpack .*: .*not a zip file/i) });
  });
});

const ZIP = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for folder, _, files in os.walk(sys.argv[2]):
        for name in files:
            path = os.path.join(folder, name)
            wheel.write(path, os.path.relpath(path, sys.argv[2]))
`;

describe("loading TensorFlow", () => {
  const failure = () => {
    try {
      return loadTensorflow(from);
    } catch (thrown) {
      return thrown;
    }
  };

  it("names the command that builds a missing binding", () => {
    expect(failure()).toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(
        /^TensorFlow does not load: the native binding of @tensorflow\/tfjs-node-gpu is not built; build it with `uncouple build-tensorflow` or, .*`npm run build:tensorflow`/,
      ),
    });
  });

  it("says how to install a package if there is none", async () => {
    await rm(installed, { recursive: true });
    expect(failure()).toMatchObject({
      message: expect.stringMatching(
        /neither \S+ nor \S+ is installed; install one with `npm install --ignore-scripts/,
      ),
    });
  });

  it("says why a binding that is there does not load", async () => {
    const binding = join(installed, "lib", "napi-v8", "tfjs_binding.node");
    await mkdir(dirname(binding), { recursive: true });
    await writeFile(binding, "not a library");
    await writeFile(join(installed, "index.js"), 'require("./lib/napi-v8/tfjs_binding.node");');
    expect(failure()).toMatchObject({
      message: expect.stringMatching(/tfjs-node-gpu: .*tfjs_binding\.node: file too short.*; build it with/),
    });
  });
});
