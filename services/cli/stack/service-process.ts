import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { parseServiceMessage } from "../connect/service-messages.ts";

export interface ServiceSpec {
  /** Display name: `trainer m2`. */
  readonly name: string;
  /** Arguments of `uncouple`. */
  readonly args: readonly string[];
  /** Created if missing, otherwise appended to. */
  readonly logFile: string;
}

/** Empty where the service has none. */
export interface ServiceAddresses {
  /** host:port */
  readonly grpc: string;
  /** host:port of metrics and health. */
  readonly http: string;
}

export interface ServiceProcess extends ServiceAddresses {
  readonly pid: number;
  /** Resolves when the process has exited, to a phrase: `exited with code 1`. */
  readonly ended: Promise<string>;
  /** Sends SIGTERM, then SIGKILL if the process does not exit in time. Idempotent. */
  stop(): Promise<void>;
}

/** Startup timeout; loading tfjs and reading a large file take most of it. */
const START_SECONDS = 120;
/** Time between SIGTERM and SIGKILL: longer than a service takes until it forces its own exit, at most 50 s. */
const STOP_SECONDS = 60;

const main = join(import.meta.dirname, `../main${extname(import.meta.filename)}`);

/**
 * Starts a service of this program in its own process and returns when it is ready. The process has its own session, so
 * that Ctrl-C in a terminal reaches only this process, which stops services in order. It stops by itself when its IPC
 * channel closes because this process is gone, even by SIGKILL.
 * @throws UncoupleError the failure of the service; `deadline-exceeded` if it is not ready in time; the signal's reason
 *   when that aborts
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
  // The child must not keep this process alive; the caller stops it.
  child.unref();
  child.channel?.unref();
  let failure: UncoupleError | undefined;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`failed to start: ${error.message}`));
    child.once("exit", (code, by) =>
      resolve(failure?.message ?? (by === null ? `exited with code ${code}` : `was killed by ${by}`)),
    );
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= terminate(child, ended, deps.clock);
    return stopped;
  };
  let onAbort = () => {};
  let timer: Timer | undefined;
  try {
    const addresses = await new Promise<ServiceAddresses>((resolve, reject) => {
      child.on("message", (raw) => {
        const message = parseServiceMessage(raw);
        if (message?.kind === "ready") resolve({ grpc: message.grpc ?? "", http: message.http ?? "" });
        if (message?.kind === "failed") failure = new UncoupleError(message.code, message.message);
      });
      ended.then((how) => {
        const text = `${spec.name} ${failure === undefined ? how : `failed to start: ${failure.message}`}`;
        const hint = failure === undefined ? `; see its log: ${spec.logFile}` : "";
        reject(new UncoupleError(failure?.code ?? "unavailable", `${text}${hint}`));
      }, reject);
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort);
      timer = deps.clock.after(START_SECONDS * 1000, () => {
        const message = `${spec.name} was not ready within ${START_SECONDS} s; see its log: ${spec.logFile}`;
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

async function terminate(child: ChildProcess, ended: Promise<unknown>, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = clock.after(STOP_SECONDS * 1000, () => child.kill("SIGKILL"));
  await ended;
  timer.cancel();
}
