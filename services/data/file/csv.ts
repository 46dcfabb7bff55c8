import { type Database, dataError } from "./database.ts";
import { identifier, literal } from "./sql.ts";

/** How a CSV file is read: all columns as texts, lines that do not fit set aside, and what type each column has. */
export interface CsvReader {
  /** A table expression with texts in all columns. */
  readonly sql: string;
  /** A table expression with typed columns, null where a text does not fit its type: what a query sees as `source`. */
  readonly typedSql: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Rows from the beginning that types are made out from; later rows never change a column's type. */
const SAMPLE = 20_480;
/** A column of texts is numeric all the same if this share of its sample reads as numbers: the rest are bad values. */
const NUMERIC_SHARE = 0.9;

/** @throws UncoupleError `invalid-argument` where no CSV can be made out */
export async function openCsv(database: Database, path: string, shownPath: string): Promise<CsvReader> {
  let sniffed: readonly unknown[] | undefined;
  try {
    [sniffed] = await database.rows(
      `SELECT Delimiter, Quote, Escape, SkipRows, HasHeader, Columns FROM sniff_csv(${literal(path)}, ignore_errors = true, sample_size = ${SAMPLE})`,
    );
  } catch (error) {
    throw dataError(`${shownPath} cannot be read as CSV`, error);
  }
  const [delimiter, quote, escaping, skip, header, sniffedColumns] = sniffed as readonly [
    string,
    string,
    string,
    number,
    boolean,
    readonly { readonly name: string; readonly type: string }[],
  ];
  // Where the sample has no quoted value, later rows may.
  const quoteMark = quote === "(empty)" ? '"' : quote;
  const escapeMark = escaping === "(empty)" ? quoteMark : escaping;
  const texts = sniffedColumns.map(({ name }) => `${literal(name)}: 'VARCHAR'`).join(", ");
  const options = [
    "auto_detect = false",
    `delim = ${literal(delimiter)}`,
    `quote = ${literal(quoteMark)}`,
    `escape = ${literal(escapeMark)}`,
    `skip = ${Number(skip)}`,
    `header = ${header ? "true" : "false"}`,
    `columns = {${texts}}`,
    "store_rejects = true",
  ];
  const sql = `read_csv(${literal(path)}, ${options.join(", ")})`;
  const columns: { name: string; type: string }[] = [];
  for (const { name, type } of sniffedColumns) {
    columns.push({ name, type: await typeOf(database, sql, name, type) });
  }
  const casts = columns.map(({ name, type }) =>
    type === "VARCHAR" ? identifier(name) : `TRY_CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`,
  );
  return { sql, typedSql: `(SELECT ${casts.join(", ")} FROM ${sql})`, columns };
}

/** The sniffed type, but for columns of texts that are numbers on the whole, and texts that DuckDB takes for truth values. */
async function typeOf(database: Database, sql: string, name: string, sniffed: string): Promise<string> {
  if (sniffed === "VARCHAR" && (await isMostlyNumbers(database, sql, name))) return "DOUBLE";
  // `yes` and `no` are words, by which a pipeline file names its classes.
  if (sniffed === "BOOLEAN" && !(await isTrueOrFalse(database, sql, name))) return "VARCHAR";
  return sniffed;
}

async function isTrueOrFalse(database: Database, sql: string, name: string): Promise<boolean> {
  const [counts] = await database.rows(
    `SELECT count(*) FROM (SELECT ${identifier(name)} AS v FROM ${sql} LIMIT ${SAMPLE}) WHERE lower(v) NOT IN ('true', 'false')`,
  );
  return Number((counts ?? [])[0]) === 0;
}

async function isMostlyNumbers(database: Database, sql: string, name: string): Promise<boolean> {
  const column = identifier(name);
  const [counts] = await database.rows(
    `SELECT count(v), count(TRY_CAST(v AS DOUBLE)) FROM (SELECT ${column} AS v FROM ${sql} LIMIT ${SAMPLE})`,
  );
  const [present, numbers] = (counts ?? []).map(Number) as [number, number];
  return numbers > 0 && numbers >= NUMERIC_SHARE * present;
}
