import { createRetry } from "../../common/async/retry.ts";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";
import type { DataAccess } from "../source/data-access.ts";
import type { DataSource, Rows } from "../source/data-source.ts";
import { removeSpill } from "../spill/spill-folder.ts";
import { isSpilled, type StoredTable } from "../spill/stored-table.ts";

/** The message of a read that failed once, for a reason that did not repeat itself. */
export const READ_BROKE_OFF = "the read broke off before its end";

/** What stores and drivers say, and what it means; the first match counts. */
const MEANINGS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /HTTP (400|401|403)\b|(password|ident|peer) authentication failed|no password supplied|no pg_hba\.conf entry|Access denied for user|permission denied|command denied|certificate|SSL (connection|peer)? ?(error|verif)/i,
    "unauthenticated",
  ],
  [/HTTP 404\b|No files found|database "[^"]*" does not exist|Unknown database/i, "not-found"],
  [
    new RegExp(
      [
        READ_BROKE_OFF,
        "HTTP (0|408|425|429|5\\d\\d)\\b",
        "could not (connect|receive|send|resolve|translate)",
        "can't connect|unable to connect|failed to connect|connection (to server|refused|reset|timed out|error|was closed|has been)",
        "server closed the connection|server has gone away|lost connection|terminating connection",
        "the database system is|too many (connections|clients)|connection slots",
        // libcurl: https://curl.se/libcurl/c/libcurl-errors.html
        "failure when receiving|failed sending|transferred a partial file|server returned nothing|in the HTTP/?2 framing layer",
        "timeout|timed out|transport|ETag|incomplete|Failed to (read|write) connection|error for HTTP",
        'Failed to execute query "(ROLLBACK|COMMIT|BEGIN)',
        // Without a reason.
        'Failed to fetch result row for MySQL query ".*":\\s*$',
        "connection not open|no connection to the server|\\(no result returned\\)",
      ].join("|"),
      "is",
    ),
    "unavailable",
  ],
];

/** What a message of DuckDB says about a store; undefined if it is about something else. */
export function storeFault(message: string): ErrorCode | undefined {
  return MEANINGS.find(([meaning]) => meaning.test(message))?.[1];
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** How long a read of an unavailable store is repeated. */
const LIMIT_MS = 120_000;

/**
 * Makes every read of a source whole: of files that do not change meanwhile, and, if the store is temporarily unavailable,
 * repeated from its beginning. No row is doubled or lost, because the rows of a read that failed are never used.
 * @param access without it, a read that fails is not repeated
 */
export function repeatReads(
  source: DataSource,
  origin: { readonly name: string; version?(): Promise<string> },
  access: DataAccess | undefined,
): DataSource {
  const { name } = origin;
  const closed = new AbortController();
  const repeat = async <R extends Rows<StoredTable>>(read: () => Promise<R>): Promise<R> => {
    let seen: string | undefined;
    const whole = async () => {
      const before = await origin.version?.();
      if (seen !== undefined && before !== seen) {
        access?.warn(`${name}: the files changed since the last try; reading them as they are now`);
      }
      seen = before;
      const rows = await read();
      if (before === (await origin.version?.())) return rows;
      if (isSpilled(rows.table)) await removeSpill(rows.table.folder);
      throw new UncoupleError("unavailable", `${name}: the files changed while they were read`);
    };
    if (access === undefined) return whole();
    const retries = createRetry({
      clock: access.clock,
      firstDelayMs: FIRST_DELAY_MS,
      longestDelayMs: LONGEST_DELAY_MS,
      limitMs: LIMIT_MS,
      jitter: 0.2,
      signal: closed.signal,
      onRetry: ({ message }) => access.warn(`${message}; reading again from the beginning`),
    });
    return retries.run(whole);
  };
  return {
    ...source,
    trainingRows: (...args) => repeat(() => source.trainingRows(...args)),
    storedTrainingRows: (...args) => repeat(() => source.storedTrainingRows(...args)),
    checkTrainingRows: (...args) => repeat(() => source.checkTrainingRows(...args)),
    heldOutRows: (...args) => repeat(() => source.heldOutRows(...args)),
    storedHeldOutRows: (...args) => repeat(() => source.storedHeldOutRows(...args)),
    sampleRows: (...args) => repeat(() => source.sampleRows(...args)),
    auditRows: (...args) => repeat(() => source.auditRows(...args)),
    async close() {
      closed.abort();
      await source.close();
    },
  };
}
