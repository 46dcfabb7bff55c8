import { formatProblem, type Problem } from "../../pipeline/files/problem.ts";
import { type CliContext, wantsColor } from "../context/context.ts";
import { createStyle, type Style } from "./style.ts";

export interface Output {
  /** Whether the result is for a program. */
  readonly json: boolean;
  /** For what stands on stdout. */
  readonly style: Style;
  /**
   * The one result: JSON for programs with `--json`, text for people without.
   * @param text is given the width of the terminal in characters, infinite where there is none
   */
  result(value: unknown, text: (style: Style, width: number) => string): void;
  /** One of many results: a JSON document a line with `--json`, text without. */
  item(value: unknown, text: (style: Style) => string): void;
  /** Something for people beside the result, on stderr. */
  note(text: string): void;
}

/** One line for each key that still works under an old name. */
export function noteDeprecations(output: Pick<Output, "note">, deprecations: readonly Problem[]): void {
  for (const problem of deprecations) output.note(`warning ${formatProblem(problem)}`);
}

export function createOutput(context: CliContext, json: boolean): Output {
  const style = createStyle(!json && wantsColor(context.stdout, context.env));
  const { isTTY, columns } = context.stdout;
  const width = isTTY === true ? (columns ?? 80) : Number.POSITIVE_INFINITY;
  const line = (text: string) => (text === "" || text.endsWith("\n") ? text : `${text}\n`);
  return {
    json,
    style,
    result(value, text) {
      context.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : line(text(style, width)));
    },
    item(value, text) {
      context.stdout.write(json ? `${JSON.stringify(value)}\n` : line(text(style)));
    },
    note(text) {
      context.stderr.write(line(text));
    },
  };
}
