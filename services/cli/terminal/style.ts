const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Color = keyof typeof codes;
export type Style = Readonly<Record<Color, (text: string) => string>>;

/** Terminal styles, or the text as it is. */
export function createStyle(on: boolean): Style {
  const styles = Object.entries(codes).map(([name, [open, close]]) => [
    name,
    (text: string) => (on && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text),
  ]);
  return Object.fromEntries(styles) as Style;
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
