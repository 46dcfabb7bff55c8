import type { TrainingPart } from "../source/data-source.ts";
import type { ColumnSchema } from "../table/table.ts";
import { identifier, literal } from "./sql.ts";
import { type TimeBounds, timeSql } from "./time.ts";

/** The rows to read. */
export type RowChoice =
  | { readonly side: "training" | "held-out" }
  /** The first `rows` good training rows in the order of their hash. */
  | { readonly side: "audit"; readonly rows: number };

/** Which rows are held out. */
export type RowSplit =
  | { readonly by: "hash"; readonly testFraction: number }
  | ({ readonly by: "time"; readonly column: string; readonly type: string } & TimeBounds)
  /** All rows are on this side; those that are held out are audited, too. */
  | { readonly by: "source"; readonly side: "training" | "held-out" };

export interface RowQuery {
  /** A table expression. */
  readonly relation: string;
  /** Columns to read, with their DuckDB types. */
  readonly columns: readonly (ColumnSchema & { readonly type: string })[];
  /** Columns to read as text. */
  readonly labels: readonly string[];
  readonly key: string | undefined;
  /** Columns whose values must not appear in messages. */
  readonly hidden: readonly string[];
  readonly split: RowSplit;
  readonly choice: RowChoice;
  /** Of the training or audited rows; undefined: all of them. */
  readonly part: TrainingPart | undefined;
  /** Whether to sort the rows by key and values, for a relation without a stable order. */
  readonly sorted: boolean;
}

/**
 * SQL that selects the chosen rows. Column 0 is the 1-based row number in the relation, column 1 the problem that makes
 * the row bad, or null; the values follow, as VARCHAR, FLOAT or FLOAT[width], and then the labels, as VARCHAR.
 *
 * By hash, a row is held out if the MD5 (RFC 1321) of its key's text, or of its decimal row number if there is no key, read
 * as a fraction of 2^128, is below the test fraction. The split of a row thus depends only on the row itself.
 */
export function rowSql(query: RowQuery): string {
  const { columns, choice } = query;
  const part = partSql(query);
  const chosen = `${chosenSql(query)}${choice.side === "training" ? ` AND ${part}` : ""}`;
  const labels = query.labels.map((_, i) => `l${i}`);
  const outputs = ["r", `${badness(query)} AS bad`, ...columns.map((_, i) => `v${i}`), ...labels].join(", ");
  const raws = columns.map((_, i) => `c${i}`);
  if (choice.side !== "audit") {
    const order = query.sorted ? ` ORDER BY ${["h", ...raws].join(", ")}` : "";
    return `SELECT ${outputs} FROM (${chosen})${order}`;
  }
  const order = [`md5('audit/' || ${identity(query)})`, ...(query.sorted ? raws : ["r"])].join(", ");
  const sample = `SELECT ${outputs}, ${part} AS p FROM (${chosen}) WHERE bad IS NULL ORDER BY ${order} LIMIT ${choice.rows}`;
  return `SELECT * EXCLUDE (p) FROM (${sample}) WHERE p`;
}

/**
 * SQL that selects the rows on the side of the choice, of all parts: row number r, key k, hash h, raw values c0, c1, ..., values
 * v0, v1, ... and labels l0, l1, ... It ends in a condition.
 */
export function chosenSql(query: RowQuery): string {
  const { columns, key, choice, split } = query;
  const raw = [
    ...columns.map(({ name }, i) => `${identifier(name)} AS c${i}`),
    ...query.labels.map((name, i) => `COALESCE(CAST(${identifier(name)} AS VARCHAR), '(missing)') AS l${i}`),
  ];
  const keyText = key === undefined ? "NULL" : `CAST(${identifier(key)} AS VARCHAR)`;
  const time = split.by === "time" ? [`${identifier(split.column)} AS w`] : [];
  const numbered = `SELECT row_number() OVER () AS r, ${[`${keyText} AS k`, ...time, ...raw].join(", ")} FROM ${query.relation}`;
  const hashed = `md5(${identity(query)})`;
  const values = columns.map((column, i) => `${valueSql(column, `c${i}`)} AS v${i}`);
  const { heldOut, training } = sidesSql(split, hashed);
  // A row without a key has no hash, and counts as a bad training row; so does one without a time.
  const side = choice.side === "held-out" ? heldOut : `COALESCE(${training}, true)`;
  return `SELECT *, ${values.length === 0 ? "" : `${values.join(", ")}, `}${hashed} AS h FROM (${numbered}) WHERE (${side})`;
}

/** The text that identifies a row. */
function identity({ key }: RowQuery): string {
  return key === undefined ? "CAST(r AS VARCHAR)" : "k";
}

/** Whether a row is in the part. One without a key is on the side that is trained on, where it counts as bad. */
export function partSql(query: RowQuery): string {
  if (query.part === undefined) return "true";
  const { side, share } = query.part;
  const validation = `COALESCE(md5('validation/' || ${identity(query)}) < ${literal(threshold(share))}, false)`;
  return side === "validation" ? validation : `NOT ${validation}`;
}

function sidesSql(split: RowSplit, hashed: string): { readonly heldOut: string; readonly training: string } {
  if (split.by === "hash") {
    const heldOut = `${hashed} < ${literal(threshold(split.testFraction))}`;
    return { heldOut, training: `NOT (${heldOut})` };
  }
  if (split.by === "source") return { heldOut: `${split.side === "held-out"}`, training: "true" };
  const time = timeSql(split.type, "w");
  return { heldOut: `${time} > ${split.heldOutAfter}`, training: `${time} <= ${split.trainUntil}` };
}

/** The fraction as the first 13 of 32 hexadecimal digits, which compare as strings like the numbers. */
function threshold(fraction: number): string {
  return Math.floor(fraction * 2 ** 52)
    .toString(16)
    .padStart(13, "0");
}

function valueSql(column: ColumnSchema & { readonly type: string }, raw: string): string {
  if (column.width > 1 || column.type.endsWith("]")) return `TRY_CAST(${raw} AS FLOAT[${column.width}])`;
  if (column.kind === "numeric") return `TRY_CAST(${raw} AS FLOAT)`;
  // Cast through BOOLEAN, so that True and TRUE become the same category.
  return column.type === "BOOLEAN" ? `CAST(TRY_CAST(${raw} AS BOOLEAN) AS VARCHAR)` : `CAST(${raw} AS VARCHAR)`;
}

/** A CASE expression for the first problem of a row, or null. */
export function badness({ columns, key, split, hidden }: RowQuery): string {
  const cases: string[] = [];
  const shown = (raw: string, name: string) =>
    hidden.includes(name) ? "''" : `' ("' || left(CAST(${raw} AS VARCHAR), 40) || '")'`;
  if (key !== undefined) cases.push(`WHEN k IS NULL THEN ${literal(`key ${key}: missing`)}`);
  if (split.by === "time") {
    const says = (what: string) => literal(`column ${split.column}: ${what}`);
    cases.push(
      `WHEN w IS NULL THEN ${says("missing")}`,
      `WHEN ${timeSql(split.type, "w")} IS NULL THEN ${says("not a time in ISO 8601, a date or seconds since 1970")} || ${shown("w", split.column)}`,
    );
  }
  columns.forEach((column, i) => {
    const raw = `c${i}`;
    const value = `v${i}`;
    const says = (what: string) => literal(`column ${column.name}: ${what}`);
    cases.push(`WHEN ${raw} IS NULL THEN ${says("missing")}`);
    if (column.type.endsWith("]")) {
      cases.push(
        `WHEN len(${raw}) <> ${column.width} THEN ${says("has ")} || len(${raw}) || ' values instead of ${column.width}'`,
        `WHEN ${value} IS NULL OR len(list_filter(${value}, lambda e: e IS NULL OR NOT isfinite(e))) > 0 THEN ${says("not all finite numbers")} || ${shown(raw, column.name)}`,
      );
    } else if (column.kind === "numeric") {
      cases.push(
        `WHEN ${value} IS NULL THEN ${says("not a number")} || ${shown(raw, column.name)}`,
        `WHEN NOT isfinite(${value}) THEN ${says("not a finite number")} || ${shown(raw, column.name)}`,
      );
    } else if (column.type === "BOOLEAN") {
      cases.push(`WHEN ${value} IS NULL THEN ${says("not true or false")} || ${shown(raw, column.name)}`);
    }
  });
  return cases.length === 0 ? "NULL" : `CASE ${cases.join(" ")} END`;
}
