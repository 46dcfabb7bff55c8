/** Names in a message; tables can have thousands of columns. */
const MAX_SHOWN = 5;

/** How the columns of a file differ from those of another: `without x, with y, z`. They are not the same. */
export function columnDifference(found: readonly string[], expected: readonly string[]): string {
  const missing = without(expected, found);
  const added = without(found, expected);
  if (missing.length + added.length === 0) return "the same in another order";
  const parts = [...(missing.length > 0 ? [`without ${list(missing)}`] : [])];
  if (added.length > 0) parts.push(`with ${list(added)}`);
  return parts.join(", ");
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const set = new Set(others);
  return names.filter((name) => !set.has(name));
}

/** Names of a file that is no table can be anything, such as its bytes. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_SHOWN).map((name) => name.replaceAll(/\p{C}/gu, "?").slice(0, 40));
  return `${shown.join(", ")}${names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : ""}`;
}
