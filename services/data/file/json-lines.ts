import { NUMERIC_SHARE, SAMPLE, type TextReader } from "./csv.ts";
import { type Database, dataError } from "./database.ts";
import { identifier, literal, sqlList } from "./sql.ts";

/** The types of columns of which every value has one text. JSON: values of several types. */
const SCALAR = /^(BIGINT|UBIGINT|HUGEINT|DOUBLE|BOOLEAN|VARCHAR|UUID|DATE|TIMESTAMP|TIME)$/;
const NUMBERS = /^(BIGINT|UBIGINT|HUGEINT|DOUBLE)\[\]$/;

/**
 * Opens files with one JSON object per line (https://jsonlines.org). The columns are the keys of the first lines, with the
 * types of their values. A line that is not an object is a row without values; so is a key that a line does not have.
 * @throws UncoupleError `invalid-argument` if the first lines are not JSON objects
 */
export async function openJsonLines(
  database: Database,
  files: readonly string[],
  shownPath: string,
): Promise<TextReader> {
  const options = `format = 'newline_delimited', ignore_errors = true, hive_partitioning = false`;
  let described: readonly (readonly unknown[])[];
  try {
    described = await database.rows(
      `DESCRIBE SELECT * FROM read_json(${sqlList(files)}, records = true, ${options}, sample_size = ${SAMPLE})`,
    );
  } catch (error) {
    throw dataError(`cannot read ${shownPath} as JSON lines`, error);
  }
  const found = described.map(([name, type]) => ({ name: String(name), type: String(type) }));
  const sqlOf = (columns: TextReader["columns"], paths: readonly string[]) => {
    const types = columns.map(({ name, type }) => `${literal(name)}: ${literal(SCALAR.test(type) ? "VARCHAR" : type)}`);
    return `read_json(${sqlList(paths)}, records = true, ${options}, columns = {${types.join(", ")}})`;
  };
  const columns: { readonly name: string; readonly type: string }[] = [];
  for (const { name, type } of found) {
    if (NUMBERS.test(type)) columns.push({ name, type: "DOUBLE[]" });
    else if (type === "JSON")
      columns.push({ name, type: await mixedType(database, sqlOf([{ name, type }], files), name) });
    else columns.push({ name, type });
  }
  const casts = columns.map(({ name, type }) => {
    const column = identifier(name);
    return SCALAR.test(type) && type !== "VARCHAR" ? `TRY_CAST(${column} AS ${type}) AS ${column}` : column;
  });
  return {
    columns,
    sql: (paths) => sqlOf(columns, paths),
    typedSql: (from) => `(SELECT ${casts.join(", ")} FROM ${from})`,
    // Columns are matched by name.
    checkColumns: async () => {},
  };
}

/** The type of a column with values of several types: as in CSV, it is numeric if nearly all of them are. */
async function mixedType(database: Database, sql: string, name: string): Promise<string> {
  const text = `CAST(${identifier(name)} ->> '$' AS VARCHAR)`;
  const [[present, numbers, nested] = []] = await database.rows(
    `SELECT count(${text}), count(TRY_CAST(${text} AS DOUBLE)), count_if(json_type(${identifier(name)}) IN ('OBJECT', 'ARRAY')) FROM (SELECT * FROM ${sql} LIMIT ${SAMPLE})`,
  );
  if (Number(nested) > (1 - NUMERIC_SHARE) * Number(present)) return "JSON";
  return Number(numbers) >= NUMERIC_SHARE * Number(present) ? "DOUBLE" : "VARCHAR";
}
