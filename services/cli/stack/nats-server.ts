import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { basename, join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { makeFolder } from "../../common/files/make-folder.ts";

/** How long a server may take until it answers; recovering a large store takes most of it. */
const START_TIMEOUT_MS = 30_000;
/** How long a server may take to end after SIGTERM before it is killed. */
const STOP_TIMEOUT_MS = 10_000;
/** Models travel in chunks of 512 KB, so 1 MB, the server's own default, is enough. */
const MAX_PAYLOAD = 1024 * 1024;
/** Share of the volume's free space that the store may take: a full disk makes every call time out, reads too. */
const DISK_SHARE = 0.8;
const MAX_FILE_STORE = 64 * 1024 ** 3;

export interface NatsServerOptions {
  /** The nats-server executable. */
  readonly binary: string;
  /** Folder for its store, configuration and log; made if missing, and used by one server at a time. */
  readonly storeDir: string;
  readonly clock: Clock;
  /** 0 (the default): any free port. */
  readonly port?: number;
  /** Without it anyone on this machine may connect. */
  readonly user?: { readonly name: string; readonly password: string };
}

export interface NatsServer {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** Settles when the server has ended, whoever ended it. */
  readonly exited: Promise<void>;
  /** SIGTERM, and SIGKILL if it does not end in time. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Runs the server with the file descriptor of a pipe from its parent open in a watching subshell. The pipe closes
 * when the parent ends in whatever way, SIGKILL included, and then the subshell ends the server. `exec` gives the
 * server the shell's own process id.
 */
const SUPERVISE = `exec 3<&0
( while read -r _ <&3; do :; done; kill -TERM $$ ) >/dev/null 2>&1 &
exec "$1" --config "$2" </dev/null 3<&-`;

/**
 * Starts a nats-server with JetStream on 127.0.0.1 and returns when it answers. It does not outlive this process:
 * `stop` ends it; so does the end of this process, also by SIGKILL (then with SIGTERM, so that nothing stored is
 * lost). Ctrl-C in a terminal does not reach it (it has a session of its own), so that the services can still publish
 * while they stop.
 *
 * @throws UncoupleError `conflict` when the port is taken, `failed-precondition` when another server uses the folder
 *   or the binary cannot be run, `unavailable` with the end of its log when it ends or does not answer in time
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { binary, storeDir, port = 0 } = options;
  const logFile = join(storeDir, "nats-server.log");
  const stateFile = join(storeDir, "nats-server.json");
  const configFile = join(storeDir, "nats-server.conf");
  await makeFolder(storeDir);
  await refuseSharedFolder(stateFile, storeDir);
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
    const { url, id } = await answering(child, options, logFile);
    await writeFile(stateFile, JSON.stringify({ url, id, pid: child.pid }));
    let stopped: Promise<void> | undefined;
    return {
      url,
      pid: child.pid ?? 0,
      logFile,
      exited,
      stop() {
        stopped ??= end(child, exited, options.clock);
        return stopped;
      },
    };
  } catch (error) {
    await end(child, exited, options.clock);
    throw error instanceof UncoupleError && error.code === "unavailable" ? await explain(error, logFile, port) : error;
  }
}

async function configuration(options: NatsServerOptions, logFile: string): Promise<string> {
  const disk = await statfs(options.storeDir);
  const maxFile = Math.floor(Math.min(MAX_FILE_STORE, disk.bavail * disk.bsize * DISK_SHARE));
  const user = options.user;
  return [
    `listen: "127.0.0.1:${options.port === undefined || options.port === 0 ? -1 : options.port}"`,
    `ports_file_dir: ${JSON.stringify(options.storeDir)}`,
    `log_file: ${JSON.stringify(logFile)}`,
    "logfile_size_limit: 16MB",
    `max_payload: ${MAX_PAYLOAD}`,
    `jetstream { store_dir: ${JSON.stringify(options.storeDir)}, max_mem: 64MB, max_file: ${maxFile} }`,
    user === undefined
      ? ""
      : `authorization { user: ${JSON.stringify(user.name)}, password: ${JSON.stringify(user.password)} }`,
    "",
  ].join("\n");
}

/** Two servers on one store destroy it, and nats-server does not check. */
async function refuseSharedFolder(stateFile: string, storeDir: string): Promise<void> {
  const text = await readFile(stateFile, "utf8").catch(() => undefined);
  if (text === undefined) return;
  let last: { url?: unknown; id?: unknown };
  try {
    last = JSON.parse(text);
  } catch {
    return; // Half written by a process that died: its server died with it.
  }
  if (typeof last.url !== "string") return;
  const info = await serverInfo(last.url);
  if (info === undefined || info.id !== last.id) return;
  throw new UncoupleError(
    "failed-precondition",
    `${storeDir} is the store of the nats-server at ${last.url}; stop it first`,
  );
}

/** Waits until the server has written its port and greets. */
async function answering(
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
    ended = `it ended with ${signal ?? `code ${code}`}`;
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
    `nats-server (${options.binary}) did not answer within ${START_TIMEOUT_MS / 1000} s; its log is ${logFile}`,
  );
}

function listening(portsFile: string): string | undefined {
  try {
    return (JSON.parse(portsFile) as { nats?: string[] }).nats?.[0];
  } catch {
    return undefined; // Not written whole yet.
  }
}

/** What a NATS server says of itself when a client connects; undefined when nobody, or no NATS server, answers. */
async function serverInfo(url: string): Promise<{ id: string; jetstream: boolean } | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), timeout: 2_000 });
  try {
    let greeting = "";
    socket.setEncoding("utf8");
    socket.once("timeout", () => socket.destroy());
    for await (const text of socket) {
      greeting += text;
      if (greeting.includes("\r\n")) break;
    }
    if (!greeting.startsWith("INFO ")) return undefined;
    const info = JSON.parse(greeting.slice(5, greeting.indexOf("\r\n"))) as { server_id?: string; jetstream?: boolean };
    return { id: info.server_id ?? "", jetstream: info.jetstream === true };
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

async function end(child: ChildProcess, exited: Promise<void>, clock: Clock): Promise<void> {
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

/** Adds what the server's log says of a failed start. */
async function explain(error: UncoupleError, logFile: string, port: number): Promise<UncoupleError> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  if (/address already in use/i.test(log)) {
    return new UncoupleError("conflict", `port ${port} of 127.0.0.1 is taken: choose another, or 0 for any free one`, {
      cause: error,
    });
  }
  const last = log
    .split("\n")
    .filter((line) => /\[(FTL|ERR)\]/.test(line))
    .slice(-3)
    .join("; ");
  return last === "" ? error : new UncoupleError(error.code, `${error.message}: ${last}`, { cause: error });
}
