import { NUMERIC_SHARE, SAMPLE } from "./csv.ts";
import type { Database } from "./database.ts";
import { identifier } from "./sql.ts";

/**
 * The rows of a query that SQLite runs, whose columns have no declared types and reach DuckDB as text. As in CSV, a column is
 * numeric if nearly all values at the beginning are; by their storage classes (https://sqlite.org/datatype3.html), so numbers
 * that are stored as text stay text.
 * @param source of a query: the table expression that runs it
 * @returns a table expression with typed columns, null where a value does not match the type
 */
export async function typedSqliteQuery(
  database: Database,
  source: (query: string) => string,
  query: string,
): Promise<string> {
  const described = await database.rows(`DESCRIBE SELECT * FROM ${source(query)}`);
  const columns = described.map(([name]) => identifier(String(name)));
  const classes = columns.map((column, i) => `typeof(${column}) AS c${i}`).join(", ");
  const counts = columns.map((_, i) =>
    ["null", "integer", "real", "blob"].map((name) => `count_if(c${i} = '${name}')`).join(", "),
  );
  const sample = source(`SELECT ${classes} FROM (${query}\n) LIMIT ${SAMPLE}`);
  const [[rows, ...counted] = []] = await database.rows(`SELECT ${["count(*)", ...counts].join(", ")} FROM ${sample}`);
  const typed = columns.map((column, i) => {
    const [nulls, integers, reals, blobs] = counted.slice(4 * i, 4 * i + 4).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const present = Number(rows) - nulls;
    if (blobs > 0) return `CAST(${column} AS BLOB) AS ${column}`;
    if (present === 0 || integers + reals < NUMERIC_SHARE * present) return column;
    return `TRY_CAST(${column} AS ${integers === present ? "BIGINT" : "DOUBLE"}) AS ${column}`;
  });
  return `(SELECT ${typed.join(", ")} FROM ${source(query)})`;
}
