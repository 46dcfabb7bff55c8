import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { startProcess } from "../../common/processes/entry-point.ts";
import { limitLines, readLines } from "./bounded-lines.ts";
import type { FromModelProcess, ToModelProcess } from "./messages.ts";
import { createMessenger, type Messenger } from "./messenger.ts";

/** This process, as far as starting and killing another needs it: Node's own `process`. */
export interface HostProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A negative id means a process group. */
  kill(pid: number, signal: NodeJS.Signals): unknown;
}

/** A process that has a user's model module to itself, and loads it. */
export interface ModelProcess {
  /** `next` throws an UncoupleError that says how the process ended, when it ends by itself. */
  readonly messenger: Messenger<ToModelProcess, FromModelProcess>;
  /** Kills what is still there of it and of what it has started; resolves when it is gone. */
  end(): Promise<void>;
}

/** What a user's code and the engines may need. Credentials of the service stay in the service. */
const PASSED_ON =
  /^(PATH|HOME|USERPROFILE|SYSTEMROOT|TMPDIR|TMP|TEMP|TZ|LANG|LC_\w+|NODE_OPTIONS|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|XDG_RUNTIME_DIR|(CUDA|NVIDIA|VK|TF|OMP)_\w+)$/i;

const MOST_LINES = 1_000;
/** What the process started may hold its output open after it has ended. */
const CLOSE_MS = 1_000;

/** @param onOutput called with each line that the process prints, 1,000 at most */
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
      env: Object.fromEntries(Object.entries(host.env).filter(([name]) => PASSED_ON.test(name))),
      // A process group of its own: Ctrl-C in a terminal is the trainer's to answer, and the group can be killed whole.
      detached: true,
      stdout: "pipe",
    },
  );
  const onLine = limitLines(MOST_LINES, onOutput);
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
      // No process is left in the group, or the system knows no groups.
      child.kill("SIGKILL");
    }
  };
  const gone = new Promise<void>((resolve) => {
    const settle = (error: UncoupleError) => {
      messenger.close(error);
      resolve();
    };
    child.once("error", (cause) => {
      const message = `model module ${path}: its process could not be started: ${cause.message}`;
      settle(new UncoupleError("resource-exhausted", message, { cause }));
    });
    child.once("exit", (code, signal) => {
      kill();
      const error = endError(path, code, signal);
      // Messages and lines that it sent before its end are read first.
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
      `model module ${path}: its process ended with code ${code} before the training was done; the trainer's log has what it printed`,
    );
  }
  const memory = signal === "SIGKILL" || signal === "SIGABRT";
  return new UncoupleError(
    memory ? "resource-exhausted" : "failed-precondition",
    `model module ${path}: its process ended with signal ${signal}${memory ? ", probably out of memory" : ""}; the trainer's log has what it printed`,
  );
}
