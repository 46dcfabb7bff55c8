import type { Clock } from "../../common/clock/clock.ts";

/** The environment variable that names a folder of DuckDB's extensions, files `NAME.duckdb_extension`. */
export const EXTENSIONS_VARIABLE = "UNCOUPLE_DUCKDB_EXTENSIONS";

/** What reading rows from other machines needs of this process. */
export interface DataAccess {
  /** Has the credentials, and where DuckDB's extensions are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Times retries. */
  readonly clock: Clock;
  /** Called with a sentence about an outage that is waited for. */
  warn(message: string): void;
}
