import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** The entry module of a thread or process. */
export interface EntryPoint {
  /** Path relative to the file that starts it, without the extension: `./onnx-worker`. */
  readonly module: string;
  /** `import.meta.url` of that file. */
  readonly from: string;
}

/**
 * Whether the code runs from TypeScript sources, as in development and in tests. Modules then load through tsx; in a
 * build they are JavaScript, which Node runs directly.
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
  // In Node 20, --import takes effect in a thread too late for its first module.
  const api = tsxModule("./dist/esm/api/index.mjs");
  const start = `import(${JSON.stringify(api)}).then(({ register }) => { register(); return import(${JSON.stringify(url)}); })`;
  return new Worker(start, { eval: true, name });
}

/** The arguments with which Node runs an entry module as a program. */
export function programArguments(entry: EntryPoint): string[] {
  const path = fileURLToPath(moduleUrl(entry));
  return fromSources ? ["--import", tsxModule("./dist/loader.mjs"), path] : [path];
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

/** Starts a child process with an IPC channel that carries typed arrays. */
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
