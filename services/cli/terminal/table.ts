import stringWidth from "string-width";
import type { Style } from "./style.ts";
import { wrap } from "./wrap.ts";

export interface Column {
  readonly title: string;
  readonly number?: boolean;
  /** Whether its title and cells wrap if the table is wider than the terminal. */
  readonly wraps?: boolean;
}

const GAP = 2;
/** Minimum width of a wrapping column, unless a word of its title is longer. */
const MIN_WIDTH = 12;

/**
 * Formats a table as text: bold titles, columns two spaces apart, no rules. Ends with a line break.
 * @param width terminal width in columns; wrapping columns shrink until the table fits, as far as they can
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number = Number.POSITIVE_INFINITY,
): string {
  const widths = fittingWidths(columns, rows, width);
  const head = linesOf(
    columns.map(({ title }) => title),
    columns,
    widths,
  ).map((cells) => cells.map(style.bold));
  const lines = [...head, ...rows.flatMap((row) => linesOf(row, columns, widths))].map((cells) =>
    columns.map(({ number }, at) => padded(cells[at] ?? "", widths[at] ?? 0, number === true)).join(" ".repeat(GAP)),
  );
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** Splits a row into lines of cells: wrapping columns break between words, and words longer than the column are cut. */
function linesOf(row: readonly string[], columns: readonly Column[], widths: readonly number[]): string[][] {
  const cells = columns.map(({ wraps }, at) => {
    const [cell, width] = [row[at] ?? "", widths[at] ?? 0];
    return wraps === true && stringWidth(cell) > width ? wrap(cell, width, true) : [cell];
  });
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ""));
}

function padded(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - stringWidth(text)));
  return right ? space + text : text + space;
}

/** Width of every column; the widest wrapping column shrinks first. */
function fittingWidths(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const sizes = (at: number) => rows.map((row) => stringWidth(row[at] ?? ""));
  const widths = columns.map(({ title }, at) => Math.max(stringWidth(title), ...sizes(at)));
  const minimums = columns.map(({ title }) =>
    Math.max(MIN_WIDTH, ...title.split(" ").map((word) => stringWidth(word))),
  );
  for (let over = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width; over > 0; over -= 1) {
    let widest = -1;
    for (const [at, own] of widths.entries()) {
      const canShrink = columns[at]?.wraps === true && own > (minimums[at] ?? own);
      if (canShrink && own > (widths[widest] ?? 0)) widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
