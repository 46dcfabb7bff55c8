import { asUncoupleError, type ErrorCode } from "../common/errors.ts";

/**
 * Exit code of the `uncouple` command for each failure reason; 0 is success. Unix tools use 2 for incorrect usage, and
 * shells report 130 for Ctrl-C.
 */
export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  internal: 1,
  "invalid-argument": 2,
  "not-found": 3,
  conflict: 4,
  "failed-precondition": 5,
  "resource-exhausted": 6,
  unavailable: 7,
  "deadline-exceeded": 8,
  "data-loss": 9,
  deleted: 11,
  unauthenticated: 12,
  cancelled: 130,
};

/** Exit code if a graceful stop has not finished when the forced-exit timer fires. */
export const forcedExitCode = 10;

/** Exit code of a command whose verdicts include a kind that `--fail-on` names. */
export const failOnExitCode = 22;

const meanings: Readonly<Record<ErrorCode, string>> = {
  internal: "a bug in Uncouple",
  "invalid-argument": "a file, flag or message is invalid",
  "not-found": "the named resource does not exist",
  conflict: "the resource already exists, or a concurrent change won",
  "failed-precondition": "the current state does not allow the operation, or a check of `uncouple doctor` failed",
  "resource-exhausted": "a queue, store, disk or size limit is full",
  unavailable: "a required server is unreachable",
  "deadline-exceeded": "a time limit expired",
  "data-loss": "data is missing or corrupted",
  deleted: "the model was deleted by the pipeline's retention policy",
  unauthenticated: "a server refuses the credentials, or its certificate cannot be trusted",
  cancelled: "cancelled by the user or a shutdown",
};

/** The exit code of a process that fails with this error; unknown errors are bugs, 1. */
export function exitCodeOf(thrown: unknown): number {
  return exitCodes[asUncoupleError(thrown).code];
}

/** The table of exit codes for `--help`, one line per code, in ascending order. */
export function exitCodeHelp(): string {
  const lines: (readonly [number, string])[] = [
    [0, "success"],
    [forcedExitCode, "a graceful stop did not finish in time"],
    [failOnExitCode, "a verdict has a kind that --fail-on names"],
    ...(Object.keys(exitCodes) as ErrorCode[]).map((code) => [exitCodes[code], `${code}: ${meanings[code]}`] as const),
  ];
  return lines
    .sort(([a], [b]) => a - b)
    .map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
    .join("\n");
}
