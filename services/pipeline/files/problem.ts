import { UncoupleError } from "../../common/errors.ts";

/** A problem in a file, with its location. */
export interface Problem {
  readonly file: string;
  /** 1-based; absent if the problem has no line (a missing file). */
  readonly line?: number;
  /** Path within the file: `components.m2.upstream[0]`. */
  readonly path: string;
  readonly message: string;
}

/** Formats a problem as `file:line: path: message`, which editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

/** Creates an `invalid-argument` error that lists all problems, one per line. */
export function problemsError(problems: readonly Problem[]): UncoupleError {
  return new UncoupleError("invalid-argument", problems.map(formatProblem).join("\n"));
}
