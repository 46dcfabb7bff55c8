import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** A module that starts a thread or a process. */
export interface EntryPoint {
  /** Path relative to the file that starts it, without its extension: `./onnx-worker`. */
  readonly module: string;
  /** `import.meta.url` of that file. */
  readonly from: string;
}

/**
 * Built, a module is JavaScript and Node starts it as it is. From sources it is TypeScript and goes through tsx, as in
 * development and in the tests.
 */
const fromSources = import.meta.url.endsWith(".ts");

function moduleUrl({ module, from }: EntryPoint): string {
  return new URL(`${module}.${fromSources ? "ts" : "js"}`, from).href;
}

function tsxModule(path: string): string {
  const anchor = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json")).href;
  return new URL(path, anchor).href;
}

/** Starts a worker thread, named after its module. */
export function startThread(entry: EntryPoint): Worker {
  const url = moduleUrl(entry);
  const name = entry.module.split("/").at(-1) as string;
  if (!fromSources) return new Worker(new URL(url), { name });
  // Node 20 does not pass --import on to threads in time for their first module.
  const api = tsxModule("./dist/esm/api/index.mjs");
  const start = `import(${JSON.stringify(api)}).then(({ register }) => { register(); return import(${JSON.stringify(url)}); })`;
  return new Worker(start, { eval: true, name });
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Replaces the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Starts a process group. */
  readonly detached?: boolean;
  /** Defaults to `ignore`; stderr is always a pipe. */
  readonly stdout?: "ignore" | "pipe";
}

/** Starts a child process that communicates over its IPC channel, which carries typed arrays. */
export function startProcess(
  entry: EntryPoint,
  { args = [], stdout = "ignore", ...options }: ProcessOptions = {},
): ChildProcess {
  const execArgv = fromSources ? ["--import", tsxModule("./dist/loader.mjs")] : [];
  return fork(new URL(moduleUrl(entry)), args, {
    ...options,
    execArgv,
    serialization: "advanced",
    stdio: ["ignore", stdout, "pipe", "ipc"],
  });
}
