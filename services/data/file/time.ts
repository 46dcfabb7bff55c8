import { UncoupleError } from "../../common/errors.ts";
import { MIN_HELD_OUT } from "../../pipeline/generation.ts";
import type { TimeSplit } from "../../pipeline/pipeline.ts";
import type { Database } from "./database.ts";
import type { Relation } from "./relation.ts";
import { identifier, literal } from "./sql.ts";

const NUMERIC = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const TEXT = /^(VARCHAR|DATE|TIMESTAMP.*)$/;
/** ISO 8601, with a space or T between date and time, as DuckDB writes times, too. */
const DAY = "\\d{4}-\\d{2}-\\d{2}";
const CLOCK = "\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?";
const OFFSET = "\\s?(Z|[+-]\\d{2}(:?\\d{2})?)";
/** Seconds since 1970 beyond the year 5000 are milliseconds. */
const MOST_SECONDS = 1e11;

/** Whether a column of this type can say the time of rows. */
export function canBeTime(type: string): boolean {
  return NUMERIC.test(type) || TEXT.test(type);
}

/** SQL for the seconds since 1970 (UTC) that a value says, as DOUBLE; null if it says none. @param raw the value */
export function timeSql(type: string, raw: string): string {
  if (NUMERIC.test(type)) return `CASE WHEN isfinite(TRY_CAST(${raw} AS DOUBLE)) THEN TRY_CAST(${raw} AS DOUBLE) END`;
  const text = `trim(CAST(${raw} AS VARCHAR))`;
  const is = (pattern: string) => `regexp_full_match(${text}, ${literal(pattern)})`;
  // DuckDB takes no space before the offset, and no offset without seconds.
  const complete = `regexp_replace(regexp_replace(${text}, '\\s([Z+-])', '\\1'), '([ T]\\d{2}:\\d{2})([Z+-])', '\\1:00\\2')`;
  // Without an offset a cast to TIMESTAMPTZ takes the machine's time zone, and with one a cast to TIMESTAMP ignores it.
  return `CASE WHEN ${is(`${DAY}([ T]${CLOCK})?`)} THEN epoch(TRY_CAST(${text} AS TIMESTAMP)) WHEN ${is(`${DAY}[ T]${CLOCK}${OFFSET}`)} THEN epoch(TRY_CAST(${complete} AS TIMESTAMPTZ)) END`;
}

/** Where a split by time divides the rows, in seconds since 1970. */
export interface TimeBounds {
  /** Rows up to this time, inclusive, are training rows. */
  readonly trainUntil: number;
  /** Rows after this time are held out. */
  readonly heldOutAfter: number;
}

/**
 * Finds where the rows are divided, from the newest row back.
 * @param latest the boundary is at most here, for training rows that must not be among rows held out earlier
 * @throws UncoupleError `failed-precondition` if no row says a time, times are not in seconds, or too few rows are held out
 */
export async function timeBounds(
  database: Database,
  relation: Relation,
  { column, heldOut, gapSeconds }: TimeSplit,
  latest = Number.POSITIVE_INFINITY,
): Promise<TimeBounds> {
  const type = relation.columns.find(({ name }) => name === column)?.type ?? "";
  const length = "seconds" in heldOut ? `${heldOut.seconds}` : `${heldOut.fraction} * (last - first)`;
  // Whole milliseconds, so that the boundary is the same when it is read as text.
  const [found = []] = await database.rows(
    `WITH times AS MATERIALIZED (SELECT ${timeSql(type, identifier(column))} AS t FROM ${relation.sql}),
      ends AS (SELECT min(t) AS first, max(t) AS last FROM times),
      bound AS (SELECT last, floor(1000 * (last - ${length})) / 1000 AS heldOutAfter FROM ends)
    SELECT last, heldOutAfter, (SELECT count(*) FROM times, bound WHERE t > heldOutAfter) FROM bound`,
  );
  const refuse = (what: string) => new UncoupleError("failed-precondition", `split.column: "${column}" ${what}`);
  const [last, own] = found;
  const count = Number(found[2]);
  if (typeof last !== "number" || typeof own !== "number") {
    throw refuse("has no time in ISO 8601, no date and no seconds since 1970 in any row");
  }
  if (last > MOST_SECONDS) throw refuse(`has ${last}, which is not in seconds since 1970; convert it in data.query`);
  if (count < MIN_HELD_OUT) {
    throw refuse(
      `leaves ${count} rows to hold out, of the ${MIN_HELD_OUT} that verdicts need: is its last time, ${isoTime(last)}, right?`,
    );
  }
  const heldOutAfter = Math.min(latest, own);
  return { heldOutAfter, trainUntil: heldOutAfter - gapSeconds };
}

/** @param seconds since 1970 */
export function isoTime(seconds: number): string {
  return new Date(1000 * seconds).toISOString();
}
