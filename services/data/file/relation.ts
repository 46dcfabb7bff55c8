import { UncoupleError } from "../../common/errors.ts";
import type { ColumnSchema } from "../table/table.ts";
import type { TextReader } from "./csv.ts";
import { type Database, dataError } from "./database.ts";
import { identifier, literal, sqlList } from "./sql.ts";

/** A column of a relation. */
export interface RelationColumn {
  readonly name: string;
  /** DuckDB's name of the type. */
  readonly type: string;
  /** How components read the column; undefined if the type is not supported. */
  readonly schema: ColumnSchema | undefined;
}

/** A source of rows. */
export interface Relation {
  /** A table expression for a FROM clause. */
  readonly sql: string;
  readonly columns: readonly RelationColumn[];
  /** Why the row order is not stable, which makes row numbers meaningless: `groups rows`. */
  readonly reordering?: string;
  /** @throws UncoupleError `failed-precondition` if the file was replaced in a way that reading would not detect */
  checkFile?(): Promise<void>;
}

const WHOLE = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))$/;
const NUMBER = /^(FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const CATEGORY = /^(VARCHAR|BOOLEAN|UUID|ENUM\(.*\))$/;
const VECTOR = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\([^)]*\))\[(\d*)\]$/;

/** Whether a type is one of integers. */
export function isWhole(type: string): boolean {
  return WHOLE.test(type);
}

/** Whether columns of a type can be read. */
export function isReadable(type: string): boolean {
  return WHOLE.test(type) || NUMBER.test(type) || CATEGORY.test(type) || VECTOR.test(type);
}

/** Whether a type has the same text form on every machine and in every version, as the split requires. */
export function canBeKey(type: string): boolean {
  return WHOLE.test(type) || CATEGORY.test(type) || type === "DATE";
}

/** The rows of Parquet files, whose columns are matched by name. */
export async function parquetRelation(database: Database, files: readonly string[]): Promise<Relation> {
  return typedRelation(database, `read_parquet(${sqlList(files)})`);
}

/** The rows of a table expression, such as a table of an attached database. */
export async function typedRelation(database: Database, sql: string): Promise<Relation> {
  const described = await database.rows(`DESCRIBE SELECT * FROM ${sql}`);
  const columns = described.map(([name, type]) => ({ name: String(name), type: String(type) }));
  return { sql, columns: await withSchemas(database, sql, columns) };
}

/**
 * The rows of files of text, as text, so that values of the wrong type can be reported row by row. The columns have the types
 * detected at the beginning of the files.
 */
export async function textRelation(
  database: Database,
  reader: TextReader,
  files: readonly string[],
): Promise<Relation> {
  const sql = reader.sql(files);
  const columns = await withSchemas(database, sql, reader.columns);
  return { sql, columns, checkFile: () => reader.checkColumns(files) };
}

/** The rows of a user's query over `source`. @throws UncoupleError `invalid-argument` for anything but one SELECT */
export async function queryRelation(database: Database, query: string, source: string): Promise<Relation> {
  await requireSelect(database, query);
  try {
    await database.rows(`CREATE VIEW source AS SELECT * FROM ${source}`);
    // The line break terminates a trailing comment in the query.
    const relation = await typedRelation(database, `(${query.replace(/[;\s]+$/, "")}\n)`);
    const reordering = await reorderingOf(database, relation.sql);
    return { ...relation, ...(reordering !== undefined && { reordering }) };
  } catch (error) {
    throw dataError("data.query", error);
  }
}

/**
 * Checks a query that an attached database runs itself, in its own SQL and with the rights of its user. In a transaction
 * that only reads, as a prepared statement, which can be only one.
 * @returns the query without what follows it
 * @throws UncoupleError `invalid-argument` for anything but one SELECT
 */
export function checkedQuery(query: string): string {
  const text = query.replace(/[;\s]+$/, "");
  const refuse = (why: string) =>
    new UncoupleError("invalid-argument", `data.query: ${why}: ${JSON.stringify(query).slice(0, 120)}`);
  if (!/^\s*\(*\s*(SELECT|WITH|VALUES)\b/i.test(text))
    throw refuse("must be a SELECT statement, which only reads data");
  if (text.includes(";")) throw refuse("must be a single statement, without semicolons");
  return text;
}

/** A table expression for a query that an attached database runs. @param catalog its name */
export function remoteQuery(kind: "postgres" | "mysql" | "sqlite", catalog: string, query: string): string {
  return `${kind}_query(${literal(catalog)}, ${literal(query)})`;
}

/** Operators in DuckDB's plans that change the row order of the file, or let it change when rows are added. */
const REORDERING: readonly (readonly [RegExp, string])[] = [
  [/GROUP_BY|AGGREGATE|DISTINCT/, "groups rows"],
  [/ORDER_BY|TOP_N/, "sorts rows"],
  [/JOIN|CROSS_PRODUCT|UNION|EXCEPT|INTERSECT/, "joins rows"],
  [/^WINDOW/, "has window functions"],
  [/SAMPLE/, "draws a sample of the rows"],
];
/** Joins that only filter the rows of their first child, as `IN (...)` does. */
const FILTERING_JOINS: readonly unknown[] = ["MARK", "SEMI", "ANTI"];

interface PlanNode {
  readonly name: string;
  readonly children: readonly PlanNode[];
  readonly extra_info: Readonly<Record<string, unknown>>;
}

/** The operation of a query, if any, that makes its row order unstable. */
async function reorderingOf(database: Database, sql: string): Promise<string | undefined> {
  const [plan] = await database.rows(`EXPLAIN (FORMAT json) SELECT * FROM ${sql}`);
  const waiting = JSON.parse(String(plan?.[1])) as PlanNode[];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const { name, children, extra_info: extra } = node;
    const filters = FILTERING_JOINS.includes(extra["Join Type"]);
    const found = filters ? undefined : REORDERING.find(([operator]) => operator.test(name));
    if (found !== undefined) return found[1];
    waiting.push(...(filters ? children.slice(0, 1) : children));
  }
  return undefined;
}

async function requireSelect(database: Database, query: string): Promise<void> {
  const text = JSON.stringify(query);
  const refuse = (why: string) => new UncoupleError("invalid-argument", `data.query: ${why}: ${text.slice(0, 120)}`);
  if (query.trim() === "") throw refuse("is empty");
  let answer: { error?: boolean; error_type?: string; error_message?: string; statements?: unknown[] };
  try {
    const rows = await database.rows(`SELECT json_serialize_sql(${literal(query)})`);
    answer = JSON.parse(String(rows[0]?.[0]));
  } catch (error) {
    throw dataError("data.query", error);
  }
  if (answer.error && answer.error_type === "parser") {
    throw refuse(`invalid SQL: ${answer.error_message ?? ""}`);
  }
  if (answer.error) throw refuse("must be a SELECT statement, which only reads data");
  if (answer.statements?.length !== 1) throw refuse("must be a single statement");
}

async function withSchemas(
  database: Database,
  sql: string,
  columns: readonly { readonly name: string; readonly type: string }[],
): Promise<readonly RelationColumn[]> {
  const found: RelationColumn[] = [];
  for (const { name, type } of columns) {
    const vector = VECTOR.exec(type);
    const schema =
      vector === null ? scalarSchema(name, type) : await vectorSchema(database, sql, name, vector[1] ?? "");
    found.push({ name, type, schema });
  }
  return found;
}

function scalarSchema(name: string, type: string): ColumnSchema | undefined {
  if (WHOLE.test(type) || NUMBER.test(type)) return { name, kind: "numeric", width: 1 };
  if (CATEGORY.test(type)) return { name, kind: "categorical", width: 1 };
  return undefined;
}

/**
 * The width of an array is in its type; that of a list is the length of the first non-empty one. Others are bad rows. Undefined
 * for lists that are empty or cannot be read.
 */
async function vectorSchema(
  database: Database,
  sql: string,
  name: string,
  size: string,
): Promise<ColumnSchema | undefined> {
  let width = Number(size);
  if (size === "") {
    const column = identifier(name);
    try {
      const rows = await database.rows(`SELECT len(${column}) FROM ${sql} WHERE len(${column}) > 0 LIMIT 1`);
      width = Number(rows[0]?.[0] ?? 0);
    } catch (error) {
      // PostgreSQL's type does not tell that values have several dimensions, which only fails when they are read.
      if (error instanceof UncoupleError && error.code === "unavailable") throw error;
    }
  }
  return width === 0 ? undefined : { name, kind: "numeric", width };
}
