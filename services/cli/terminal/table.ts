import Table from "cli-table3";
import type { Style } from "./style.ts";
import { visibleLength, wrap } from "./wrap.ts";

export interface Column {
  readonly title: string;
  readonly number?: boolean;
  /** Its cells and title may be broken into lines where the table is wider than the terminal. */
  readonly wraps?: boolean;
}

const GAP = 2;
/** A column that wraps is not made narrower than this, nor than a word of its title. */
const NARROWEST = 12;

/**
 * A table for people: titles in bold, columns two spaces apart, no lines. Ends with a line break.
 * @param width of the terminal, in characters: columns that wrap are narrowed until the table fits, if that is enough
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number = Number.POSITIVE_INFINITY,
): string {
  const widths = fittingWidths(columns, rows, width);
  const fitted = (cells: readonly string[]) =>
    cells.map((cell, at) => (columns[at]?.wraps === true ? broken(cell, widths[at]) : cell));
  const table = new Table({
    head: fitted(columns.map(({ title }) => title)).map(style.bold),
    colAligns: columns.map(({ number }) => (number === true ? "right" : "left")),
    style: { head: [], border: [], "padding-left": 0, "padding-right": GAP },
    chars: Object.fromEntries(edges.map((edge) => [edge, ""])),
  });
  table.push(...rows.map(fitted));
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** Of every column; the widest that wraps gives way first. */
function fittingWidths(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const sizes = (at: number) => rows.map((row) => visibleLength(row[at] ?? ""));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...sizes(at)));
  const least = columns.map(({ title }) => Math.max(NARROWEST, ...title.split(" ").map((word) => word.length)));
  for (let over = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width; over > 0; over -= 1) {
    let widest = -1;
    for (const [at, own] of widths.entries()) {
      const gives = columns[at]?.wraps === true && own > (least[at] ?? own);
      if (gives && own > (widths[widest] ?? 0)) widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** Between words; a longer word is cut. */
function broken(text: string, width = text.length): string {
  if (visibleLength(text) <= width) return text;
  const cut = new RegExp(`.{1,${width}}`, "gsu");
  const lines = wrap(text, width).flatMap((line) => {
    // A styled word stays whole: a cut could go through its escape sequence.
    const whole = visibleLength(line) <= width || line.includes("\u001b");
    return whole ? [line] : (line.match(cut) ?? []);
  });
  return lines.join("\n");
}

const edges = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
] as const;
