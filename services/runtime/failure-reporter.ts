import type { UncoupleError } from "../common/errors.ts";
import type { Logger } from "./logs.ts";

/** Reports a failure of work that is retried. @param what the work: `watching verdicts` */
export type FailureReporter = (what: string, error: UncoupleError) => void;

/**
 * Logs each failure as a warning, except `data-loss`: the store was replaced, and only a restart helps.
 * @param onLost called with the `data-loss` error
 */
export function createFailureReporter(log: Logger, onLost: (error: UncoupleError) => void): FailureReporter {
  return (what, error) => {
    if (error.code === "data-loss") onLost(error);
    else log.warn({ error }, `${what}: ${error.message}; trying again`);
  };
}
