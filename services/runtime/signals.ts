import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError } from "../common/errors.ts";
import { exitCodeOf, forcedExitCode } from "./exit-codes.ts";
import type { Logger } from "./logs.ts";

/** The part of Node's `process` that the owner of its signals needs. */
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
  /** The graceful stop. */
  readonly stop: () => Promise<void>;
  /** How long after the signal the process exits whatever happens: more than the stop's own grace and force times. */
  readonly forcedExitSeconds: number;
}

/**
 * The one owner of SIGTERM and SIGINT: the first of either starts the graceful stop, whose outcome decides the exit
 * code (0 when it went well). From then on the handlers are gone, so that a second Ctrl-C kills at once, and a timer
 * stands behind the stop.
 * @returns gives the signals back, for a service that ended by itself
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
    // Stays if the process runs out of things to do before the stop is over.
    process.exitCode = forcedExitCode;
    const exit = () => {
      if (outcome === undefined) {
        log.error(`not stopped ${forcedExitSeconds} s after ${signal}; exiting now`);
      } else {
        log.warn(`stopped, but something kept the process alive ${forcedExitSeconds} s after ${signal}; exiting now`);
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
        log.error({ error: thrown }, `stopped with a failure: ${asUncoupleError(thrown).message}`);
      },
    );
  }

  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return release;
}
