import { UncoupleError } from "../../common/errors.ts";

/** One thing that is wrong in a file, with the place where a person can mend it. */
export interface Problem {
  readonly file: string;
  /** 1-based; absent where the problem has no line (a file that does not exist). */
  readonly line?: number;
  /** Path within the file: `components.m2.upstream[0]`. */
  readonly path: string;
  readonly message: string;
}

/** `file:line: path: message`, the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

/** `invalid-argument` with every problem, one a line. */
export function problemsError(problems: readonly Problem[]): UncoupleError {
  return new UncoupleError("invalid-argument", problems.map(formatProblem).join("\n"));
}
