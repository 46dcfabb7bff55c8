/** Runs the `uncouple` command in this process: its signals, streams and exit code. Loaded by main.ts. */

import { systemClock } from "../common/clock/system-clock.ts";
import { fileErrorCode, fileTrouble } from "../common/files/file-trouble.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { runCli } from "./command-line.ts";
import { type CliContext, interruption } from "./context/context.ts";

const interrupt = new AbortController();

/** The first signal asks the command to stop, the second one kills, as ever. */
const onSignal = () => {
  process.off("SIGINT", onSignal);
  process.off("SIGTERM", onSignal);
  interrupt.abort(interruption());
};
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

/** Why standard output cannot be written, from then on. */
let lost: NodeJS.ErrnoException | undefined;
let service = false;
let exitCode: number | undefined;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (lost !== undefined) return;
  lost = error;
  if (!isUnread(error)) {
    // A service goes on without its log.
    if (service) return;
    process.stderr.write(`uncouple: the output cannot be written: ${fileTrouble(error)}\n`);
  }
  // What runs is stopped in order. Nobody listens any more where that is under way: the signal would cut it short.
  if (exitCode === undefined && process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM");
  conclude();
});
process.stderr.on("error", () => {});

if (process.send !== undefined) {
  // Started by `uncouple up`: when that process is gone, however it went, this one must not stay.
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
conclude();
// Work that does not notice an interruption must not keep the process.
if (interrupt.signal.aborted) systemClock.after(500, () => process.exit(), { keepsAlive: false });

/** A reader that has seen enough (`uncouple verdicts | head`), or a terminal that is gone, is no failure. */
function isUnread({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "EIO";
}

function conclude(): void {
  if (exitCode === undefined) return;
  if (lost === undefined || service) process.exitCode = exitCode;
  else process.exitCode = isUnread(lost) ? 0 : exitCodes[fileErrorCode(lost)];
}
