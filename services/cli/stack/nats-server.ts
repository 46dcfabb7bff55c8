import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { canSyncFirst, natsServerVersion } from "./durability.ts";
import { serverInfo } from "./server-info.ts";

/** Startup timeout; recovering a large store takes most of it. */
const START_TIMEOUT_MS = 30_000;
/** Time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 10_000;
/** The server's own default; models are sent in chunks of 512 KiB. */
const MAX_PAYLOAD = 1024 * 1024;
/** Fraction of the volume's free space that the store may use; on a full disk every call times out, even reads. */
const DISK_SHARE = 0.8;
const MAX_FILE_STORE = 64 * 1024 ** 3;

export interface NatsServerOptions {
  /** The nats-server executable. */
  readonly binary: string;
  /** Folder for store, configuration and log; created if missing, used by one server at a time. */
  readonly storeDir: string;
  readonly clock: Clock;
  /** 0 (the default): any free port. */
  readonly port?: number;
  /** Without it, any user of this machine can connect. */
  readonly user?: { readonly name: string; readonly password: string };
}

export interface NatsServer {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the server has exited, for whatever reason. */
  readonly exited: Promise<void>;
  /** Sends SIGTERM, then SIGKILL if the server does not exit in time. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Runs the server next to a subshell that reads a pipe from the parent. The pipe closes when the parent ends, even by
 * SIGKILL, and the subshell then terminates the server. `exec` gives the server the shell's own process ID.
 */
const SUPERVISE = `exec 3<&0
( while read -r _ <&3; do :; done; kill -TERM $$ ) >/dev/null 2>&1 &
exec "$1" --config "$2" </dev/null 3<&-`;

/**
 * Starts a nats-server with JetStream on 127.0.0.1 and returns when it responds. The server never outlives this
 * process: if this process ends without `stop`, even by SIGKILL, the server receives SIGTERM and loses no data. Ctrl-C
 * in a terminal does not reach the server, which has its own session, so services can still publish while they stop.
 *
 * @throws UncoupleError `conflict` if the port is in use, `failed-precondition` if another server uses the folder,
 *   `unavailable` with the end of its log if the server does not start, or does not respond in time
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { binary, storeDir, port = 0 } = options;
  const logFile = join(storeDir, "nats-server.log");
  const stateFile = join(storeDir, "nats-server.json");
  const configFile = join(storeDir, "nats-server.conf");
  await makeFolder(storeDir);
  await rejectSharedFolder(stateFile, storeDir);
  await rm(logFile, { force: true });
  await writeFile(configFile, await configuration(options, logFile), { mode: 0o600 });

  const child = spawn("/bin/sh", ["-c", SUPERVISE, "nats-server", binary, configFile], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  // Neither the server nor its pipe keeps this process alive.
  child.unref();
  (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  child.stdin?.on("error", () => {});

  try {
    const { url, id } = await waitUntilReady(child, options, logFile);
    await writeFile(stateFile, JSON.stringify({ url, id, pid: child.pid }));
    let stopped: Promise<void> | undefined;
    return {
      url,
      pid: child.pid ?? 0,
      logFile,
      exited,
      stop() {
        stopped ??= terminate(child, exited, options.clock);
        return stopped;
      },
    };
  } catch (error) {
    await terminate(child, exited, options.clock);
    throw error instanceof UncoupleError && error.code === "unavailable" ? await explain(error, logFile, port) : error;
  }
}

async function configuration(options: NatsServerOptions, logFile: string): Promise<string> {
  const disk = await statfs(options.storeDir);
  const version = await natsServerVersion(options.binary);
  // Otherwise, JetStream acknowledges what a power cut can still take.
  const sync = version !== undefined && canSyncFirst(version) ? ", sync_interval: always" : "";
  const maxFile = Math.floor(Math.min(MAX_FILE_STORE, disk.bavail * disk.bsize * DISK_SHARE));
  const user = options.user;
  return [
    `listen: "127.0.0.1:${options.port === undefined || options.port === 0 ? -1 : options.port}"`,
    `ports_file_dir: ${JSON.stringify(options.storeDir)}`,
    `log_file: ${JSON.stringify(logFile)}`,
    "logfile_size_limit: 16MB",
    `max_payload: ${MAX_PAYLOAD}`,
    `jetstream { store_dir: ${JSON.stringify(options.storeDir)}, max_mem: 64MB, max_file: ${maxFile}${sync} }`,
    user === undefined
      ? ""
      : `authorization { user: ${JSON.stringify(user.name)}, password: ${JSON.stringify(user.password)} }`,
    "",
  ].join("\n");
}

/** Two servers corrupt a shared store, and nats-server does not check. */
async function rejectSharedFolder(stateFile: string, storeDir: string): Promise<void> {
  const text = await readFile(stateFile, "utf8").catch(() => undefined);
  if (text === undefined) return;
  let last: { url?: unknown; id?: unknown };
  try {
    last = JSON.parse(text);
  } catch {
    return; // Partially written by a process that died; its server died with it.
  }
  if (typeof last.url !== "string") return;
  const info = await serverInfo(last.url);
  if (info === undefined || info.id !== last.id) return;
  throw new UncoupleError(
    "failed-precondition",
    `${storeDir} is in use by the nats-server at ${last.url}; stop that server first`,
  );
}

/** Waits until the server has written its port and responds. */
async function waitUntilReady(
  child: ChildProcess,
  options: NatsServerOptions,
  logFile: string,
): Promise<{ url: string; id: string }> {
  const portsFile = join(options.storeDir, `${basename(options.binary)}_${child.pid}.ports`);
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended = `it exited with ${signal ?? `code ${code}`}`;
  });
  const giveUp = options.clock.elapsed() + START_TIMEOUT_MS;
  while (options.clock.elapsed() < giveUp) {
    if (ended !== undefined) {
      throw new UncoupleError("unavailable", `nats-server (${options.binary}) did not start: ${ended}`);
    }
    const url = await readFile(portsFile, "utf8").then(listening, () => undefined);
    const info = url === undefined ? undefined : await serverInfo(url);
    if (url !== undefined && info?.jetstream === true) return { url, id: info.id };
    await options.clock.sleep(20);
  }
  throw new UncoupleError(
    "unavailable",
    `nats-server (${options.binary}) did not respond within ${START_TIMEOUT_MS / 1000} s; see its log: ${logFile}`,
  );
}

function listening(portsFile: string): string | undefined {
  try {
    return (JSON.parse(portsFile) as { nats?: string[] }).nats?.[0];
  } catch {
    return undefined; // Partially written.
  }
}

async function terminate(child: ChildProcess, exited: Promise<void>, clock: Clock): Promise<void> {
  if (child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = clock.after(STOP_TIMEOUT_MS, () => child.kill("SIGKILL"));
  await exited;
  timer.cancel();
  if (child.stdin !== null && !child.stdin.closed) {
    child.stdin.destroy();
    await once(child.stdin, "close");
  }
}

/** Adds the reason for a failed start from the server's log. */
async function explain(error: UncoupleError, logFile: string, port: number): Promise<UncoupleError> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  if (/address already in use/i.test(log)) {
    return new UncoupleError(
      "conflict",
      `port ${port} on 127.0.0.1 is in use; choose another, or 0 for any free port`,
      {
        cause: error,
      },
    );
  }
  const last = log
    .split("\n")
    .filter((line) => /\[(FTL|ERR)\]/.test(line))
    .slice(-3)
    .join("; ");
  return last === "" ? error : new UncoupleError(error.code, `${error.message}: ${last}`, { cause: error });
}
