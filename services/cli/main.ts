#!/usr/bin/env node
import { type CliContext, interruption } from "./context.ts";
import { runCli } from "./program.ts";

const interrupt = new AbortController();

/** The first signal asks the command to stop, the second one kills, as ever. */
const onSignal = () => {
  process.off("SIGINT", onSignal);
  process.off("SIGTERM", onSignal);
  interrupt.abort(interruption());
};
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

// A reader that has seen enough (`uncouple verdicts | head`) is no failure: what runs is stopped in order.
let unread = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  // Nobody listens any more where the stop is under way: then the signal would cut it short.
  if (!unread && process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM");
  unread = true;
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
  interrupted: interrupt.signal,
  takeSignals() {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    return process;
  },
  ...(process.send !== undefined && { report: (message: unknown) => void process.send?.(message) }),
};

const exitCode = await runCli(process.argv.slice(2), context);
process.exitCode = unread ? 0 : exitCode;
// Work that does not notice an interruption must not keep the process.
if (interrupt.signal.aborted) setTimeout(() => process.exit(), 500).unref();
