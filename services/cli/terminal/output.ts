import { formatProblem, type Problem } from "../../pipeline/files/problem.ts";
import { type CliContext, wantsColor } from "../context/context.ts";
import { createStyle, type Style } from "./style.ts";

export interface Output {
  /** Whether results are printed as JSON. */
  readonly json: boolean;
  /** Style of the text on stdout. */
  readonly style: Style;
  /** Of the terminal in characters; infinite without one. */
  readonly width: number;
  /**
   * Prints the only result: JSON with `--json`, text without.
   * @param text formats it for a width in characters
   */
  result(value: unknown, text: (style: Style, width: number) => string): void;
  /** Prints one of many results: one JSON document per line with `--json`, text without. */
  item(value: unknown, text: (style: Style) => string): void;
  /** Prints a message on stderr. */
  note(text: string): void;
}

/** Prints one warning per deprecated key. */
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
    width,
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
