import type { DuckDBConnection } from "@duckdb/node-api";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../../common/memory-budget.ts";
import { type DrawnSample, type RowSample, sampleLabels } from "../../pipeline/sample.ts";
import { chunksOf } from "./database.ts";
import { createNearDuplicates, nearDuplicateBytes } from "./near-duplicates.ts";
import { badness, chosenSql, partSql, type RowQuery } from "./row-query.ts";

/** All training rows, in a temporary table of the connection, which spills to disk. */
const ROWS = 'temp."training rows"';
/** Distinct combinations of values, of which no more are compared with each other. */
const COMPARED = 'temp."compared rows"';
const MOST_NEAR_ROWS = 1_000_000;
/** Comparisons that take about a minute. */
const MOST_COMPARISONS = 200_000_000;
const COMPARISONS_PER_TURN = 50_000;

/** What identifies a row, which decides about it: the key, the row number, or, where rows have neither, all values. */
export type RowIdentity = { readonly key: string } | "row-number" | "values";

export interface DrawnRows {
  readonly drawn: DrawnSample;
  /** Good rows of the part of the query before the sample was drawn. */
  readonly good: number;
  /** Selects the sampled rows and all bad ones of the part, in the order and with the outputs of `rowSql`. */
  readonly sql: string;
}

/**
 * Draws a sample of the training rows into temporary tables of the connection. The sample depends on the rows alone: not on the
 * part of the query, nor, with a key, on their order.
 * @param query of training rows, without labels
 * @param nearBytes that near duplicates may take: twice the share of rows, of which there are none in memory yet; default: that of
 *   the default limit
 * @throws UncoupleError `failed-precondition` if there are fewer sampled rows than strata, or near duplicates take too long
 *   or too much memory
 */
export async function drawSample(
  connection: DuckDBConnection,
  query: RowQuery,
  sample: RowSample,
  identity: RowIdentity,
  nearBytes = 2 * divideMemory(DEFAULT_MEMORY_LIMIT).tableBytes,
): Promise<DrawnRows> {
  const labels = sampleLabels(sample);
  await connection.run(rowsTable({ ...query, labels }, identity));
  const [before, good] = await numbersOf(
    connection,
    `SELECT count(*) FILTER (bad IS NULL), count(*) FILTER (bad IS NULL AND p) FROM ${ROWS}`,
  );
  const removed: Record<string, number> = {};
  let kept = `(SELECT n FROM ${ROWS} WHERE bad IS NULL)`;
  let count = before as number;
  const step = async (name: keyof DrawnSample["removed"], select: string) => {
    const table = `temp."kept by ${name}"`;
    await connection.run(`CREATE TEMP TABLE ${table} AS ${select}`);
    kept = table;
    const [left] = await numbersOf(connection, `SELECT count(*) FROM ${table}`);
    removed[name] = count - (left as number);
    count = left as number;
  };
  const values = query.columns.map((_, i) => `v${i}`);
  const { distinct, nearDuplicates, atMost, rows, stratified } = sample;
  if (distinct) await step("distinct", `SELECT min(n) AS n FROM ${remaining(kept)} GROUP BY ${values.join(", ")}`);
  if (nearDuplicates !== undefined)
    await step("nearDuplicates", await farRows(connection, query, kept, nearDuplicates, nearBytes));
  if (atMost !== undefined) {
    const ranked = `SELECT n, row_number() OVER (PARTITION BY l0 ORDER BY n) AS i FROM ${remaining(kept)}`;
    await step("atMost", `SELECT n FROM (${ranked}) WHERE i <= ${atMost.rows}`);
  }
  if (rows !== undefined && stratified === undefined) {
    await step("rows", `SELECT n FROM ${remaining(kept)} ORDER BY n LIMIT ${rows}`);
  }
  if (rows !== undefined && stratified !== undefined) {
    const label = `l${labels.length - 1}`;
    const [strata] = await numbersOf(connection, `SELECT count(DISTINCT ${label}) FROM ${remaining(kept)}`);
    if ((strata as number) > rows) {
      throw new UncoupleError(
        "failed-precondition",
        `sample.by: "${stratified}" has ${strata} values, more than sample.rows (${rows}), of which each value keeps at least one`,
      );
    }
    await step("rows", stratifiedSql(remaining(kept), label, rows));
  }
  const outputs = ["r", "bad", ...values].join(", ");
  return {
    drawn: { spec: sample, before: before as number, removed },
    good: good as number,
    sql: `SELECT ${outputs} FROM ${ROWS} WHERE p AND (bad IS NOT NULL OR n IN (FROM ${kept})) ORDER BY q`,
  };
}

/** The rows with their place n in the sample's order, their place q in the order of reading, and whether they are in the part. */
function rowsTable(query: RowQuery & { readonly labels: readonly string[] }, identity: RowIdentity): string {
  const labels = typeof identity === "object" ? [...query.labels, identity.key] : query.labels;
  const all = { ...query, labels };
  const values = query.columns.map((_, i) => `v${i}`);
  const named = query.labels.map((_, i) => `l${i}`);
  const text =
    typeof identity === "object"
      ? `l${query.labels.length}`
      : identity === "row-number"
        ? "CAST(r AS VARCHAR)"
        : `concat_ws(chr(31), ${["''", ...values].join(", ")})`;
  // Rows with the same key are ordered by their values, so that the order of the source does not matter.
  const order = ["o", ...(identity === "row-number" ? [] : [...values, ...named])].join(", ");
  const place = query.sorted
    ? `row_number() OVER (ORDER BY ${["h", ...query.columns.map((_, i) => `c${i}`)].join(", ")})`
    : "r";
  const rows = `SELECT *, ${badness(all)} AS bad, ${partSql(all)} AS p, md5('sample/' || ${text}) AS o FROM (${chosenSql(all)})`;
  const outputs = ["r", "bad", "p", ...values, ...named, `${place} AS q`].join(", ");
  return `CREATE TEMP TABLE ${ROWS} AS SELECT ${outputs}, row_number() OVER (ORDER BY ${order}) AS n FROM (${rows})`;
}

function remaining(kept: string): string {
  return `(SELECT * FROM ${ROWS} WHERE n IN (FROM ${kept}))`;
}

/**
 * Webster's method: after the first row of each stratum, its i-th row has the priority count / (i - 1/2). Unlike the largest
 * remainder, it makes a smaller sample a part of a larger one.
 */
function stratifiedSql(rows: string, label: string, limit: number): string {
  const ranked = `SELECT n, ${label} AS s, row_number() OVER (PARTITION BY ${label} ORDER BY n) AS i, count(*) OVER (PARTITION BY ${label}) AS c FROM ${rows}`;
  return `SELECT n FROM (${ranked}) ORDER BY i > 1, c / (i - 0.5::DOUBLE) DESC, s LIMIT ${limit}`;
}

/** Finds the rows without near duplicates. @returns SQL that selects them */
async function farRows(
  connection: DuckDBConnection,
  query: RowQuery,
  kept: string,
  { columns, distance }: NonNullable<RowSample["nearDuplicates"]>,
  nearBytes: number,
): Promise<string> {
  const places = columns.map((name) => query.columns.findIndex((column) => column.name === name));
  const vector = places.map((place) => query.columns[place]).find((column) => (column?.width ?? 1) > 1);
  if (vector !== undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `sample.near_duplicates.columns: "${vector.name}" must have one number or one text per row`,
    );
  }
  const names = places.map((place) => `v${place}`).join(", ");
  // Of rows with equal values, only the first can be kept.
  await connection.run(
    `CREATE TEMP TABLE ${COMPARED} AS SELECT min(n) AS n, ${names} FROM ${remaining(kept)} GROUP BY ${names}`,
  );
  // A text has at most as many UTF-16 code units as bytes in UTF-8.
  const sizes = places.map((place) =>
    query.columns[place]?.kind === "categorical" ? `coalesce(sum(strlen(v${place})), 0)` : "0",
  );
  const [rows = 0, ...units] = await numbersOf(connection, `SELECT count(*), ${sizes.join(", ")} FROM ${COMPARED}`);
  if (rows > MOST_NEAR_ROWS)
    throw tooMany(`there are more than ${MOST_NEAR_ROWS.toLocaleString("en-US")} rows to compare`);
  const compared = places.map((place, i) => ({
    units: query.columns[place]?.kind === "categorical" ? units[i] : undefined,
  }));
  const bytes = nearDuplicateBytes(rows, compared, distance);
  if (bytes > nearBytes) throw tooLarge(rows, bytes, nearBytes);
  const index = createNearDuplicates(rows, compared, distance);
  const far = new Float64Array(rows);
  let found = 0;
  let turn = 0;
  for await (const chunk of chunksOf(connection, `SELECT n, ${names} FROM ${COMPARED} ORDER BY n`)) {
    const numbers = chunk.getColumnVector(0);
    const vectors = places.map((_, i) => chunk.getColumnVector(1 + i));
    for (let row = 0; row < chunk.rowCount; row += 1) {
      if (index.keep(vectors.map((vector) => vector.getItem(row) as string | number))) {
        far[found++] = Number(numbers.getItem(row));
      }
      if (index.comparisons() < turn) continue;
      if (turn > MOST_COMPARISONS) throw tooMany(`too many rows are alike in ${columns[0]}`);
      turn = index.comparisons() + COMPARISONS_PER_TURN;
      await yieldToEventLoop();
    }
  }
  await connection.run("CREATE TEMP TABLE far (n BIGINT)");
  const appender = await connection.createAppender("far", "main", "temp");
  for (const n of far.subarray(0, found)) {
    appender.appendBigInt(BigInt(n));
    appender.endRow();
  }
  appender.closeSync();
  return "SELECT n FROM temp.far";
}

function tooMany(why: string): UncoupleError {
  return new UncoupleError(
    "failed-precondition",
    `sample.near_duplicates: ${why}; list first the column that differs most, choose a smaller distance, or remove it from sample`,
  );
}

function tooLarge(rows: number, bytes: number, nearBytes: number): UncoupleError {
  const most = Math.floor((rows * nearBytes) / bytes).toLocaleString("en-US");
  return new UncoupleError(
    "failed-precondition",
    `sample.near_duplicates: comparing ${rows.toLocaleString("en-US")} rows takes ${mebibytes(bytes)} MiB, more than their share of --memory-limit (${mebibytes(nearBytes)} MiB, for about ${most} such rows); raise the limit, choose a smaller distance, or remove it from sample`,
  );
}

function mebibytes(bytes: number): string {
  return Math.ceil(bytes / 2 ** 20).toLocaleString("en-US");
}

async function numbersOf(connection: DuckDBConnection, sql: string): Promise<readonly number[]> {
  const [row = []] = (await connection.runAndReadAll(sql)).getRows();
  return row.map(Number);
}
