import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { startProcess } from "../../common/processes/entry-point.ts";
import { limitLines, readLines } from "./bounded-lines.ts";
import type { FromModelProcess, ToModelProcess } from "./messages.ts";
import { createMessenger, type Messenger } from "./messenger.ts";

/** The part of Node's `process` that starting and killing a process needs. */
export interface HostProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A negative id means a process group. */
  kill(pid: number, signal: NodeJS.Signals): unknown;
}

/** A process that loads and trains one user's model module. */
export interface ModelProcess {
  /** `next` throws an UncoupleError that says how the process ended, if it ends by itself. */
  readonly messenger: Messenger<ToModelProcess, FromModelProcess>;
  /** Kills the process and everything that it has started; resolves when it is gone. */
  end(): Promise<void>;
}

/** Environment variables that user code and engines may need. Never passes on the service's credentials. */
const PASSED_VARIABLES =
  /^(PATH|HOME|USERPROFILE|SYSTEMROOT|TMPDIR|TMP|TEMP|TZ|LANG|LC_\w+|NODE_OPTIONS|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|XDG_RUNTIME_DIR|(CUDA|NVIDIA|VK|TF|OMP)_\w+)$/i;

const MAX_LINES = 1_000;
/** How long to wait for the end of the output: processes that the module started can keep it open. */
const CLOSE_MS = 1_000;

/**
 * Starts the process of a user's model module.
 *
 * @param onOutput called with each line that the process prints, up to 1,000
 */
export function startModelProcess(
  path: string,
  host: HostProcess,
  clock: Clock,
  onOutput: (line: string) => void,
): ModelProcess {
  const child = startProcess(
    { module: "./main", from: import.meta.url },
    {
      args: [path, `${host.pid}`],
      env: Object.fromEntries(Object.entries(host.env).filter(([name]) => PASSED_VARIABLES.test(name))),
      // A separate process group: Ctrl-C in a terminal reaches only the trainer, and the whole group can be killed.
      detached: true,
      stdout: "pipe",
    },
  );
  const onLine = limitLines(MAX_LINES, onOutput);
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) readLines(stream, onLine);
  const messenger = createMessenger<ToModelProcess, FromModelProcess>({
    send: (frame, sent) => child.send(frame as object, sent),
    onFrame: (listener) => child.on("message", listener),
  });
  const kill = () => {
    if (child.pid === undefined) return;
    try {
      host.kill(-child.pid, "SIGKILL");
    } catch {
      // The group is empty, or the system does not support process groups.
      child.kill("SIGKILL");
    }
  };
  const gone = new Promise<void>((resolve) => {
    const settle = (error: UncoupleError) => {
      messenger.close(error);
      resolve();
    };
    child.once("error", (cause) => {
      const message = `model module ${path}: cannot start its process: ${cause.message}`;
      settle(new UncoupleError("resource-exhausted", message, { cause }));
    });
    child.once("exit", (code, signal) => {
      kill();
      const error = endError(path, code, signal);
      // Read the messages and lines that it sent before it ended.
      const timer = clock.after(CLOSE_MS, () => settle(error));
      child.once("close", () => {
        timer.cancel();
        settle(error);
      });
    });
  });
  return {
    messenger,
    end() {
      if (child.exitCode === null && child.signalCode === null) kill();
      return gone;
    },
  };
}

function endError(path: string, code: number | null, signal: NodeJS.Signals | null): UncoupleError {
  if (signal === null) {
    return new UncoupleError(
      "invalid-argument",
      `model module ${path}: its process exited with code ${code} before training finished; see the trainer's log for its output`,
    );
  }
  const memory = signal === "SIGKILL" || signal === "SIGABRT";
  return new UncoupleError(
    memory ? "resource-exhausted" : "failed-precondition",
    `model module ${path}: its process was killed by ${signal}${memory ? ", probably out of memory" : ""}; see the trainer's log for its output`,
  );
}
