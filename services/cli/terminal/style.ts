import { styleText } from "node:util";

const COLORS = ["bold", "dim", "red", "green", "yellow", "cyan"] as const;

export type Color = (typeof COLORS)[number];
export type Style = Readonly<Record<Color, (text: string) => string>>;

/** Creates terminal styles; with `on` false they return the text unchanged. */
export function createStyle(on: boolean): Style {
  // `wantsColor` has already decided, so Node must not check its own stdout and environment.
  const apply = (name: Color) => (text: string) =>
    on && text !== "" ? styleText(name, text, { validateStream: false }) : text;
  return Object.fromEntries(COLORS.map((name) => [name, apply(name)])) as Style;
}

/**
 * Makes untrusted text safe for a terminal: replaces control characters, including line breaks, with spaces. So it does with
 * those that change the direction of text, and with it what a reader sees (CVE-2021-42574).
 */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]+/gu, " ");
}

const kinds: Readonly<Record<string, Color>> = {
  improved: "green",
  succeeded: "green",
  promoted: "green",
  equivalent: "cyan",
  degraded: "red",
  "self-defeating": "red",
  quarantined: "red",
  failed: "red",
  refused: "red",
  inconclusive: "yellow",
  cancelled: "yellow",
  held: "yellow",
};

/** A verdict kind or run state in its color. */
export function colored(style: Style, kind: string): string {
  const color = kinds[kind];
  return color === undefined ? plain(kind) : style[color](plain(kind));
}
