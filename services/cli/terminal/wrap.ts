import wrapAnsi from "wrap-ansi";

/**
 * Breaks a paragraph into lines of at most `width` terminal columns. Styles take no room and are closed at the end of
 * each line.
 * @param cut whether a longer word is cut; otherwise it stands alone on a line that is too long
 */
export function wrap(text: string, width: number, cut = false): string[] {
  return wrapAnsi(text.replaceAll(/\s+/g, " "), width, { hard: cut }).split("\n");
}
