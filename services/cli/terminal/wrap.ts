import wrapAnsi from "wrap-ansi";

/**
 * Wraps a paragraph to lines of at most `width` terminal columns. Styles have no width and are closed at each line end.
 * @param cut whether to cut words longer than a line; otherwise they overflow a line of their own
 */
export function wrap(text: string, width: number, cut = false): string[] {
  return wrapAnsi(text.replaceAll(/\s+/g, " "), width, { hard: cut }).split("\n");
}
