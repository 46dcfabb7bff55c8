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

// A reader that has seen enough (`uncouple verdicts | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
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

process.exitCode = await runCli(process.argv.slice(2), context);
