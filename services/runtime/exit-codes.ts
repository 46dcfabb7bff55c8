import { asUncoupleError, type ErrorCode } from "../common/errors.ts";

/**
 * What the `uncouple` command exits with for each reason to fail; 0 is success. 2 is what Unix tools use for wrong
 * usage, 130 what shells show for Ctrl-C.
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
  cancelled: 130,
};

/** A graceful stop was still not done when the forced-exit timer fired. */
export const forcedExitCode = 10;

const meanings: Readonly<Record<ErrorCode, string>> = {
  internal: "a defect of Uncouple",
  "invalid-argument": "a file, flag or message is wrong",
  "not-found": "what was named does not exist",
  conflict: "it exists already, or somebody else changed it first",
  "failed-precondition": "the state does not admit it now",
  "resource-exhausted": "a queue, store or size limit is full",
  unavailable: "a server that it needs is not reachable",
  "deadline-exceeded": "no answer in time",
  "data-loss": "bytes are missing or damaged",
  cancelled: "stopped by you or by a shutdown",
};

/** What a process that ends because of this exits with: what nobody foresaw is a defect, 1. */
export function exitCodeOf(thrown: unknown): number {
  return exitCodes[asUncoupleError(thrown).code];
}

/** The table of exit codes for `--help`, one line a code, in ascending order. */
export function exitCodeHelp(): string {
  const lines: (readonly [number, string])[] = [
    [0, "success"],
    [forcedExitCode, "a graceful stop did not finish in time"],
    ...(Object.keys(exitCodes) as ErrorCode[]).map((code) => [exitCodes[code], `${code}: ${meanings[code]}`] as const),
  ];
  return lines
    .sort(([a], [b]) => a - b)
    .map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
    .join("\n");
}
