import type { DuckDBConnection } from "@duckdb/node-api";
import { inParallel } from "../../common/async/in-parallel.ts";
import { UncoupleError } from "../../common/errors.ts";
import { columnDifference } from "./column-difference.ts";
import { type Database, dataError } from "./database.ts";
import { identifier, literal, sqlList } from "./sql.ts";

/** Reads files of text, with malformed lines set aside, and the detected type of each column. */
export interface TextReader {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** A table expression for files like the first, with all scalar columns as text. */
  sql(files: readonly string[]): string;
  /** A table expression with typed columns, null where a value does not match the type: `source` in a user's query. */
  typedSql(from: string): string;
  /**
   * Checks that files have the columns that were found at first. Those of CSV are read by position, so a file with a
   * different order must not be read.
   * @throws UncoupleError `failed-precondition`
   */
  checkColumns(files: readonly string[]): Promise<void>;
}

/** Number of rows at the beginning from which types are detected; later rows never change a column's type. */
export const SAMPLE = 20_480;
/** A text column is numeric if at least this fraction of its sample parses as numbers; the rest are bad values. */
export const NUMERIC_SHARE = 0.9;
/** Files whose beginnings are read concurrently. */
export const FILES_AT_A_TIME = 8;

/**
 * Opens CSV files, by the first of them that has rows.
 * @param shownPath the file in messages; @param setting what precedes it at the start: `data.path: `, or nothing
 * @throws UncoupleError `invalid-argument` if it is not CSV or has no rows
 */
export async function openCsv(
  database: Database,
  files: readonly string[],
  shownPath: string,
  setting: string,
): Promise<TextReader> {
  for (const path of files) {
    const shown = files.length === 1 ? shownPath : path;
    const reader = await openLike(database, path, shown, `${setting}${shown}`);
    if (reader !== undefined) return reader;
  }
  throw new UncoupleError("invalid-argument", `${setting}${shownPath} has no rows after its header`);
}

/** Reads files of the form of one. @returns undefined if that has a header only */
async function openLike(
  database: Database,
  path: string,
  shownPath: string,
  subject: string,
): Promise<TextReader | undefined> {
  const dialect = await sniff(database, path, shownPath);
  const texts = dialect.columns.map(({ name }) => `${literal(name)}: 'VARCHAR'`).join(", ");
  const options = [
    "auto_detect = false",
    `delim = ${literal(dialect.delimiter)}`,
    `quote = ${literal(dialect.quote)}`,
    `escape = ${literal(dialect.escape)}`,
    `comment = ${literal(dialect.comment)}`,
    `skip = ${dialect.skip}`,
    `header = ${dialect.header ? "true" : "false"}`,
    `columns = {${texts}}`,
    "hive_partitioning = false",
    "store_rejects = true",
  ];
  const sql = (files: readonly string[]) => `read_csv(${sqlList(files)}, ${options.join(", ")})`;
  const columns = await typedColumns(database, sql([path]), dialect, subject);
  if (columns === undefined) return undefined;
  const casts = columns.map(
    (column) => `${castSql(identifier(column.name), column.type, dialect)} AS ${identifier(column.name)}`,
  );
  const names = columns.map(({ name }) => name);
  return {
    sql,
    typedSql: (from) => `(SELECT ${casts.join(", ")} FROM ${from})`,
    columns,
    async checkColumns(files) {
      await inParallel(files, FILES_AT_A_TIME, async (file) => {
        const now = (await sniff(database, file, file)).columns.map(({ name }) => name);
        if (JSON.stringify(now) === JSON.stringify(names)) return;
        const difference = columnDifference(now, names);
        throw new UncoupleError(
          "failed-precondition",
          file === path
            ? `${shownPath}: the columns changed since the file was opened (now ${difference}); restart the service`
            : `${file} has other columns than ${path}: ${difference}; all files must have the same`,
        );
      });
    },
  };
}

interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly comment: string;
  readonly skip: number;
  readonly header: boolean;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Formats of dates and times; null for ISO 8601. */
  readonly dateFormat: string | null;
  readonly timestampFormat: string | null;
}

async function sniff(database: Database, path: string, shownPath: string): Promise<Dialect> {
  let sniffed: readonly unknown[] | undefined;
  try {
    [sniffed] = await database.rows(
      `SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, Columns, DateFormat, TimestampFormat FROM sniff_csv(${literal(path)}, ignore_errors = true, sample_size = ${SAMPLE})`,
    );
  } catch (error) {
    throw dataError(`cannot read ${shownPath} as CSV`, error);
  }
  const [delimiter, quote, escaping, comment, skip, header, columns, dateFormat, timestampFormat] =
    sniffed as readonly [
      string,
      string,
      string,
      string,
      number,
      boolean,
      Dialect["columns"],
      string | null,
      string | null,
    ];
  const mark = (sign: string, otherwise: string) => (sign === "(empty)" ? otherwise : sign);
  // Later rows can have quoted values even if the sample has none.
  const quoteMark = mark(quote, '"');
  return {
    delimiter,
    quote: quoteMark,
    escape: mark(escaping, quoteMark),
    comment: mark(comment, ""),
    skip: Number(skip),
    header,
    columns,
    dateFormat,
    timestampFormat,
  };
}

/**
 * The sniffed types, except for mostly numeric text columns, and for words that DuckDB takes for booleans; undefined without
 * rows.
 */
async function typedColumns(
  database: Database,
  sql: string,
  dialect: Dialect,
  subject: string,
): Promise<TextReader["columns"] | undefined> {
  const counts = dialect.columns.flatMap(({ name }) => {
    const column = identifier(name);
    return [
      `count(${column})`,
      `count(TRY_CAST(${column} AS DOUBLE))`,
      `count_if(lower(${column}) NOT IN ('true', 'false'))`,
    ];
  });
  const [rows, ...counted] = await database.withConnection(async (connection) => {
    const query = `SELECT ${["count(*)", ...counts].join(", ")} FROM (SELECT * FROM ${sql} LIMIT ${SAMPLE})`;
    const found = (await connection.runAndReadAll(query)).getRowsJson()[0] ?? [];
    const [bad] = found[0] === "0" ? await rejectedLines(connection) : [];
    if (bad === undefined) return found.map(Number);
    throw new UncoupleError("invalid-argument", `${subject} has no valid rows: line ${bad.line}: ${bad.message}`);
  });
  if (rows === 0) return undefined;
  return dialect.columns.map(({ name, type }, i) => {
    const [present, numbers, words] = counted.slice(3 * i, 3 * i + 3) as [number, number, number];
    if (type === "VARCHAR" && numbers > 0 && numbers >= NUMERIC_SHARE * present) return { name, type: "DOUBLE" };
    // `yes` and `no` stay words, so that a pipeline file can list them as classes.
    if (type === "BOOLEAN" && words > 0) return { name, type: "VARCHAR" };
    return { name, type };
  });
}

/** SQL that casts a text to the type; null if it does not match. */
function castSql(column: string, type: string, { dateFormat, timestampFormat }: Dialect): string {
  if (type === "VARCHAR") return column;
  const cast = `TRY_CAST(${column} AS ${type})`;
  // A plain cast would round.
  if (type === "BIGINT") return `CASE WHEN TRY_CAST(${column} AS DOUBLE) = ${cast} THEN ${cast} END`;
  const format = type === "DATE" ? dateFormat : type === "TIMESTAMP" ? timestampFormat : null;
  return format === null ? cast : `CAST(TRY_STRPTIME(${column}, ${literal(format)}) AS ${type})`;
}

/**
 * The malformed lines of a CSV file that the connection has read: too few or too many fields, an unterminated quote,
 * bytes that are not UTF-8.
 */
export async function rejectedLines(
  connection: DuckDBConnection,
): Promise<readonly { readonly line: string; readonly message: string }[]> {
  const tables = await connection.runAndReadAll(
    "SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors' AND temporary",
  );
  if (tables.currentRowCount === 0) return [];
  const rows = await connection.runAndReadAll(
    "SELECT line, min(error_message) FROM reject_errors GROUP BY scan_id, file_id, line ORDER BY scan_id, file_id, line",
  );
  return rows.getRowsJson().map(([line, message]) => ({ line: String(line), message: String(message) }));
}
