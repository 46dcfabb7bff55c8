import { styleText } from "node:util";

const COLORS = ["bold", "dim", "red", "green", "yellow", "cyan"] as const;

export type Color = (typeof COLORS)[number];
export type Style = Readonly<Record<Color, (text: string) => string>>;

/** Terminal styles, or the text as it is. */
export function createStyle(on: boolean): Style {
  // Whether to color is decided before (see `wantsColor`), so Node must not look at its own stdout and environment.
  const apply = (name: Color) => (text: string) =>
    on && text !== "" ? styleText(name, text, { validateStream: false }) : text;
  return Object.fromEntries(COLORS.map((name) => [name, apply(name)])) as Style;
}

/** Text that others wrote, made harmless for a terminal: no escape sequences, no line breaks. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

const kinds: Readonly<Record<string, Color>> = {
  improved: "green",
  succeeded: "green",
  degraded: "red",
  "self-defeating": "red",
  quarantined: "red",
  failed: "red",
  inconclusive: "yellow",
  cancelled: "yellow",
};

/** The kind of a verdict or the state of a run, in its color. */
export function colored(style: Style, kind: string): string {
  const color = kinds[kind];
  return color === undefined ? plain(kind) : style[color](plain(kind));
}
