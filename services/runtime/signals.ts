import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError } from "../common/errors.ts";
import { exitCodeOf, forcedExitCode } from "./exit-codes.ts";
import type { Logger } from "./logs.ts";

/** The part of Node's `process` that signal handling uses. */
export interface SignalProcess {
  on(signal: "SIGTERM" | "SIGINT", handler: (signal: NodeJS.Signals) => void): unknown;
  off(signal: "SIGTERM" | "SIGINT", handler: (signal: NodeJS.Signals) => void): unknown;
  exit(code: number): void;
  exitCode?: number | string | null | undefined;
}

export interface SignalSettings {
  readonly process: SignalProcess;
  readonly clock: Clock;
  readonly log: Logger;
  /** Stops the service gracefully. */
  readonly stop: () => Promise<void>;
  /** Time from the signal to a forced exit. Must exceed the grace and force times of `stop`. */
  readonly forcedExitSeconds: number;
}

/**
 * Handles SIGTERM and SIGINT: the first signal starts the graceful stop, whose outcome sets the exit code (0 on
 * success), and removes the handlers, so that a second Ctrl-C kills the process immediately. A timer forces the exit if
 * the stop hangs.
 * @returns a function that removes the handlers, for a service that ends without a signal
 */
export function stopOnSignals(settings: SignalSettings): () => void {
  const { process, clock, log, stop, forcedExitSeconds } = settings;

  const release = () => {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  };

  function onSignal(signal: NodeJS.Signals): void {
    release();
    log.info(`${signal}: stopping`);
    let outcome: number | undefined;
    // Applies if the event loop empties before the stop finishes.
    process.exitCode = forcedExitCode;
    const exit = () => {
      if (outcome === undefined) {
        log.error(`still stopping ${forcedExitSeconds} s after ${signal}; forcing exit`);
      } else {
        log.warn(`stopped, but the process was still alive ${forcedExitSeconds} s after ${signal}; forcing exit`);
      }
      process.exit(outcome ?? forcedExitCode);
    };
    clock.after(forcedExitSeconds * 1000, exit, { keepsAlive: false });
    stop().then(
      () => {
        outcome = 0;
        process.exitCode = outcome;
        log.info("stopped");
      },
      (thrown: unknown) => {
        outcome = exitCodeOf(thrown);
        process.exitCode = outcome;
        log.error({ error: thrown }, `stop failed: ${asUncoupleError(thrown).message}`);
      },
    );
  }

  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return release;
}
