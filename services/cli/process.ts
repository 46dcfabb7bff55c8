/** Runs the `uncouple` command and owns the signals, streams and exit code of its process. Loaded by main.ts. */

import { systemClock } from "../common/clock/system-clock.ts";
import { fileErrorCode, fileTrouble } from "../common/files/file-trouble.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { runCli } from "./command-line.ts";
import { type CliContext, interruption } from "./context/context.ts";

// Leaves errors only of what TensorFlow writes to stderr, in a format of its own, when it loads here or in a child process.
// It announces oneDNN at any level, which gains this program nothing (docs/engine.md).
process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
process.env.TF_ENABLE_ONEDNN_OPTS ??= "0";
// ONNX Runtime's own telemetry: a log in /tmp for each process, and a thread that tries to send it.
process.env.ORT_DISABLE_TELEMETRY ??= "1";

const interrupt = new AbortController();

/** The first signal asks the command to stop; a second one kills the process, as by default. */
const onSignal = () => {
  process.off("SIGINT", onSignal);
  process.off("SIGTERM", onSignal);
  interrupt.abort(interruption());
};
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

/** The error that made standard output unwritable. */
let stdoutError: NodeJS.ErrnoException | undefined;
let service = false;
let exitCode: number | undefined;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (stdoutError !== undefined) return;
  stdoutError = error;
  if (!isReaderGone(error)) {
    // A service keeps running without its log.
    if (service) return;
    process.stderr.write(`uncouple: cannot write to standard output: ${fileTrouble(error)}\n`);
  }
  // Stops running work gracefully. Without a listener, a stop is already in progress, and a signal would abort it.
  if (exitCode === undefined && process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM");
  setExitCode();
});
process.stderr.on("error", () => {});

if (process.send !== undefined) {
  // Started by `uncouple up`: stop when that process is gone, even if it was killed.
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel?.unref();
}

const context: CliContext = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  interrupted: interrupt.signal,
  takeSignals() {
    service = true;
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    return process;
  },
  ...(process.send !== undefined && { report: (message: unknown) => void process.send?.(message) }),
};

exitCode = await runCli(process.argv.slice(2), context);
setExitCode();
// Work that ignores the interruption must not keep the process alive.
if (interrupt.signal.aborted) systemClock.after(500, () => process.exit(), { keepsAlive: false });

/** A closed pipe (`uncouple verdicts | head`) or terminal is not a failure. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "EIO";
}

function setExitCode(): void {
  if (exitCode === undefined) return;
  if (stdoutError === undefined || service) process.exitCode = exitCode;
  else process.exitCode = isReaderGone(stdoutError) ? 0 : exitCodes[fileErrorCode(stdoutError)];
}
