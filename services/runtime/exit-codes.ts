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

/**
 * Exit codes of commands that judge: they worked, and what they judged did not pass. `inspect` uses `refused`.
 * `refused`: refused by inspection or quarantined. `inconclusive`: held, or the verdict is inconclusive.
 * `named`: a kind of verdict that `--fail-on` names. `undecided`: no decision within the time to wait.
 */
export const outcomeCodes = { refused: 20, inconclusive: 21, named: 22, undecided: 23 } as const;

export type Outcome = keyof typeof outcomeCodes;

const outcomeMeanings: Readonly<Record<Outcome, string>> = {
  refused: "a model or snapshot is refused or quarantined, or fails a test",
  inconclusive: "a snapshot is held, or its verdict is inconclusive",
  named: "a verdict is of a kind that --fail-on names",
  undecided: "there is no decision within the time to wait",
};

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
  return table([
    [0, "success"],
    [forcedExitCode, "a graceful stop did not finish in time"],
    ...(Object.keys(exitCodes) as ErrorCode[]).map((code) => [exitCodes[code], `${code}: ${meanings[code]}`] as const),
    ...outcomeLines(Object.keys(outcomeCodes) as Outcome[]),
  ]);
}

/** The exit codes of one command that judges, for its `--help`. */
export function outcomeHelp(...outcomes: Outcome[]): string {
  return `\nExit codes, besides those of every command (uncouple --help):\n${table(outcomeLines(outcomes))}\n`;
}

type Line = readonly [code: number, meaning: string];

function outcomeLines(outcomes: readonly Outcome[]): Line[] {
  return outcomes.map((outcome) => [outcomeCodes[outcome], outcomeMeanings[outcome]]);
}

function table(lines: readonly Line[]): string {
  return [...lines]
    .sort(([a], [b]) => a - b)
    .map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
    .join("\n");
}
