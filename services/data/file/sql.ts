/** Quotes an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes an SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A list of strings. */
export function sqlList(texts: readonly string[]): string {
  return `[${texts.map(literal).join(", ")}]`;
}
