import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/**
 * Starting a module on a thread or in a process of its own. Compiled, the module is JavaScript and Node
 * starts it as it is; from sources it is TypeScript and goes through tsx, as in development and in the tests.
 */
const fromSources = import.meta.url.endsWith(".ts");

function moduleUrl(name: string): string {
  return new URL(`./${name}.${fromSources ? "ts" : "js"}`, import.meta.url).href;
}

function tsxModule(path: string): string {
  const anchor = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json")).href;
  return new URL(path, anchor).href;
}

/** @param name of the module's file, relative to this folder, without its ending */
export function startThread(name: string): Worker {
  const url = moduleUrl(name);
  if (!fromSources) return new Worker(new URL(url), { name });
  // Node 20 does not pass --import on to threads in time for their first module.
  const api = tsxModule("./dist/esm/api/index.mjs");
  const start = `import(${JSON.stringify(api)}).then(({ register }) => { register(); return import(${JSON.stringify(url)}); })`;
  return new Worker(start, { eval: true, name });
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Instead of this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives the process a group of its own. */
  readonly detached?: boolean;
  /** `ignore` by default; stderr is always a pipe. */
  readonly stdout?: "ignore" | "pipe";
}

/** The process speaks over its IPC channel, which carries typed arrays. @param name as for a thread */
export function startProcess(
  name: string,
  { args = [], stdout = "ignore", ...options }: ProcessOptions = {},
): ChildProcess {
  const execArgv = fromSources ? ["--import", tsxModule("./dist/loader.mjs")] : [];
  return fork(new URL(moduleUrl(name)), args, {
    ...options,
    execArgv,
    serialization: "advanced",
    stdio: ["ignore", stdout, "pipe", "ipc"],
  });
}
