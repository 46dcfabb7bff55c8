import { stripVTControlCharacters } from "node:util";

/** Breaks a paragraph into lines of at most `width` characters; a longer word stands alone. Styles take no room. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && visibleLength(line) + 1 + visibleLength(word) <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** Without terminal styles. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
