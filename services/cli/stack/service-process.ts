import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { parseServiceMessage } from "../connect/service-messages.ts";

export interface ServiceSpec {
  /** For people: `trainer m2`. */
  readonly name: string;
  /** The `uncouple` command line. */
  readonly args: readonly string[];
  /** Appended to; made if missing. */
  readonly logFile: string;
}

export interface ServiceAddresses {
  /** host:port */
  readonly grpc: string;
  /** host:port of metrics and health. */
  readonly http: string;
}

export interface ServiceProcess extends ServiceAddresses {
  readonly pid: number;
  /** Settles with a sentence when it has ended, whoever ended it. */
  readonly ended: Promise<string>;
  /** SIGTERM, and SIGKILL when it has not ended in time. Safe to call again. */
  stop(): Promise<void>;
}

/** Loading tfjs and reading a large file take most of it. */
const START_SECONDS = 120;
/** More than a service's own grace and force times together. */
const STOP_SECONDS = 45;

const main = join(import.meta.dirname, `../main${extname(import.meta.filename)}`);

/**
 * Starts a service of this program as a process of its own, and returns when it is ready. It has a session of its own,
 * so that Ctrl-C in a terminal reaches only this process, which stops services in order; and a channel to this process,
 * whose end, by SIGKILL too, makes it stop by itself.
 * @throws UncoupleError what it failed with; `deadline-exceeded`, `cancelled` when the signal aborts
 */
export async function startService(
  spec: ServiceSpec,
  deps: { readonly env: Readonly<Record<string, string | undefined>>; readonly clock: Clock },
  signal: AbortSignal,
): Promise<ServiceProcess> {
  signal.throwIfAborted();
  await makeFolder(dirname(spec.logFile));
  const log = openLog(spec.logFile);
  let child: ChildProcess;
  try {
    child = fork(main, [...spec.args], { detached: true, env: { ...deps.env }, stdio: ["ignore", log, log, "ipc"] });
  } finally {
    closeSync(log);
  }
  // It must not keep this process alive; whoever started it stops it.
  child.unref();
  child.channel?.unref();
  let failure: UncoupleError | undefined;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, by) => resolve(failure?.message ?? `ended with ${by ?? `exit code ${code}`}`));
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= end(child, ended, deps.clock);
    return stopped;
  };
  let onAbort = () => {};
  let timer: Timer | undefined;
  try {
    const addresses = await new Promise<ServiceAddresses>((resolve, reject) => {
      child.on("message", (raw) => {
        const message = parseServiceMessage(raw);
        if (message?.kind === "ready") resolve({ grpc: message.grpc, http: message.http });
        if (message?.kind === "failed") failure = new UncoupleError(message.code, message.message);
      });
      ended.then((how) => {
        const text = `${spec.name} ${failure === undefined ? how : `cannot start: ${failure.message}`}`;
        const hint = failure === undefined ? `; its log is ${spec.logFile}` : "";
        reject(new UncoupleError(failure?.code ?? "unavailable", `${text}${hint}`));
      }, reject);
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort);
      timer = deps.clock.after(START_SECONDS * 1000, () => {
        const message = `${spec.name} was not ready within ${START_SECONDS} s; its log is ${spec.logFile}`;
        reject(new UncoupleError("deadline-exceeded", message));
      });
    });
    return { ...addresses, pid: child.pid ?? 0, ended, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  } finally {
    timer?.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, "a");
  } catch (cause) {
    throw new UncoupleError(fileErrorCode(cause), `${path} cannot be written: ${fileTrouble(cause)}`, { cause });
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = clock.after(STOP_SECONDS * 1000, () => child.kill("SIGKILL"));
  await ended;
  timer.cancel();
}
