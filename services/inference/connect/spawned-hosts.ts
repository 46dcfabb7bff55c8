import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../common/clock/clock.ts";
import { programArguments } from "../../common/processes/entry-point.ts";
import { OUT_OF_MEMORY } from "../host/exit-codes.ts";
import { hostUnavailable } from "../inference.ts";
import type { HostConnection, HostConnector, HostEnd } from "./host-connector.ts";

export interface SpawnedHostsSettings {
  /** Most memory of a host, in bytes. */
  readonly memoryBytes: number;
  /** Path of Node. */
  readonly node: string;
}

/** How often the memory of a host is read. */
const WATCH_MS = 100;

/**
 * Address space that Node, ONNX Runtime and a second thread reserve without using it: 1.4 GB measured with Node 20, 1.8 GB with
 * Node 24, and 0.9 GB more from TypeScript sources. This limit is only there for what allocates faster than resident memory is read.
 */
const ADDRESS_SPACE_AT_REST = 3 * 1024 ** 3;

/** Otherwise, ONNX Runtime writes a log into /tmp and has a thread that sends telemetry. */
const ENVIRONMENT = { ORT_DISABLE_TELEMETRY: "1" };

/** A limit that cannot be set (macOS, or a lower one in force) is left out. */
const LIMITED = 'ulimit -c 0; ulimit -v "$1" 2>/dev/null; shift; exec "$@"';

/**
 * Starts each host as a child process with limited memory, an empty working directory and no environment. Its only
 * descriptors are the pipes.
 */
export function spawnedHosts({ memoryBytes, node }: SpawnedHostsSettings, clock: Clock): HostConnector {
  const kilobytes = Math.floor((memoryBytes + ADDRESS_SPACE_AT_REST) / 1024);
  const program = [
    node,
    // Guard pages would reserve 10 GB of address space for each model in WebAssembly. Bounds are checked in code instead.
    "--disable-wasm-trap-handler",
    // 256 MiB, of which models need a few. Otherwise V8 reserves 4 GiB for a memory without a maximum, as Node itself has one.
    "--wasm-max-mem-pages=4096",
    ...programArguments({ module: "../host/main", from: import.meta.url }),
  ];
  return {
    async connect() {
      const folder = await mkdtemp(join(tmpdir(), "uncouple-host-"));
      await chmod(folder, 0o500);
      const child = spawn("/bin/sh", ["-c", LIMITED, "sh", String(kilobytes), ...program], {
        cwd: folder,
        env: ENVIRONMENT,
        stdio: ["pipe", "pipe", "ignore"],
      });
      const started = await new Promise<Error | undefined>((resolve) => {
        child.once("spawn", () => resolve(undefined));
        child.once("error", resolve);
      });
      if (started !== undefined) {
        await rmdir(folder);
        throw hostUnavailable(`cannot start an inference host: ${started.message}`, started);
      }
      return watched(child, folder, memoryBytes, clock);
    },
  };
}

function watched(child: ChildProcess, folder: string, memoryBytes: number, clock: Clock): HostConnection {
  const input = child.stdin as Writable;
  // A host that is gone breaks its pipe; `ended` says so.
  input.on("error", () => {});
  let exceeded = false;
  const watch = clock.every(
    WATCH_MS,
    () => {
      exceeded ||= residentBytes(child.pid as number) > memoryBytes;
      if (exceeded) child.kill("SIGKILL");
    },
    { keepsAlive: false },
  );
  const ended = new Promise<HostEnd>((resolve) => {
    child.once("close", (code, signal) => {
      watch.cancel();
      void rmdir(folder).catch(() => {});
      resolve(exceeded || code === OUT_OF_MEMORY ? outOfMemory(memoryBytes) : crashed(code, signal));
    });
  });
  return { input, output: child.stdout as Readable, ended, kill: () => void child.kill("SIGKILL") };
}

function outOfMemory(bytes: number): HostEnd {
  return { death: "memory", detail: `needs more than the ${Math.round(bytes / 1024 ** 2)} MiB of --inference-memory` };
}

function crashed(code: number | null, signal: NodeJS.Signals | null): HostEnd {
  const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
  return { death: "crash", detail: `the process that ran it ${how}` };
}

/** 0 where there is no /proc, and for a process that is gone. */
function residentBytes(pid: number): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
