import { createHash } from "node:crypto";
import type { DrawnSample, RowSample } from "../../services/pipeline/sample.ts";

export type OracleRow = Readonly<Record<string, string | number>>;

/**
 * `RowSample` in plain TypeScript, by definition and without any index.
 * @param identity the text that identifies a row
 * @param visible the columns whose equality counts for `distinct`
 */
export function sampleByDefinition(
  rows: readonly OracleRow[],
  spec: RowSample,
  identity: (row: OracleRow) => string,
  visible: readonly string[],
): { readonly rows: readonly OracleRow[]; readonly removed: DrawnSample["removed"] } {
  const hash = (row: OracleRow) =>
    createHash("md5")
      .update(`sample/${identity(row)}`)
      .digest("hex");
  const ordered = rows.map((row) => ({ row, hash: hash(row) })).sort((a, b) => (a.hash < b.hash ? -1 : 1));
  let kept = ordered.map(({ row }) => row);
  const removed: Record<string, number> = {};
  const step = (name: keyof DrawnSample["removed"], left: OracleRow[]) => {
    removed[name] = kept.length - left.length;
    kept = left;
  };
  const same = (a: OracleRow, b: OracleRow) => visible.every((name) => a[name] === b[name]);
  const { distinct, nearDuplicates, atMost, rows: most, stratified } = spec;
  if (distinct) step("distinct", greedy(kept, same));
  if (nearDuplicates !== undefined) {
    const { columns, distance } = nearDuplicates;
    const near = (a: OracleRow, b: OracleRow) =>
      columns.every((name) => distanceOf(a[name] ?? "", b[name] ?? "") <= distance);
    step("nearDuplicates", greedy(kept, near));
  }
  if (atMost !== undefined) {
    const left = kept.filter(
      (row, at) =>
        kept.slice(0, at).filter((other) => other[atMost.column] === row[atMost.column]).length < atMost.rows,
    );
    step("atMost", left);
  }
  if (most !== undefined && stratified === undefined) step("rows", kept.slice(0, most));
  if (most !== undefined && stratified !== undefined) {
    const seats = seatsOf(kept, stratified, most);
    const taken = new Map<string, number>();
    const left = kept.filter((row) => {
      const value = String(row[stratified]);
      taken.set(value, (taken.get(value) ?? 0) + 1);
      return (taken.get(value) ?? 0) <= (seats.get(value) ?? 0);
    });
    step("rows", left);
  }
  const chosen = new Set(kept);
  return { rows: rows.filter((row) => chosen.has(row)), removed };
}

function greedy(rows: readonly OracleRow[], alike: (a: OracleRow, b: OracleRow) => boolean): OracleRow[] {
  const kept: OracleRow[] = [];
  for (const row of rows) if (!kept.some((other) => alike(row, other))) kept.push(row);
  return kept;
}

/** One row for each value; then, one by one, a row for the value with the largest count / (rows - 1/2). */
function seatsOf(rows: readonly OracleRow[], column: string, most: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(String(row[column]), (counts.get(String(row[column])) ?? 0) + 1);
  const seats = new Map([...counts.keys()].map((value) => [value, 1]));
  const values = [...counts.keys()].sort();
  for (let given = seats.size; given < Math.min(most, rows.length); given += 1) {
    const priority = (value: string) => {
      const [count = 0, seated = 0] = [counts.get(value), seats.get(value)];
      return seated < count ? count / (seated + 0.5) : 0;
    };
    const best = values.reduce((a, b) => (priority(b) > priority(a) ? b : a));
    seats.set(best, (seats.get(best) ?? 0) + 1);
  }
  return seats;
}

export function distanceOf(a: string | number, b: string | number): number {
  if (typeof a === "number" || typeof b === "number") return Math.abs(Number(a) - Number(b));
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
