import { asUncoupleError, type ErrorCode } from "../../common/errors.ts";
import type { DatabaseRowPlace, RowPlace, StoredSource } from "../../pipeline/pipeline.ts";
import type { DataAccess } from "../source/data-access.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { openOrigin } from "./origin.ts";
import { identifier } from "./sql.ts";

/** Whether a place of rows gives this process any. */
export interface ReadAttempt {
  /** `unknown`: neither rows nor a refusal. */
  readonly outcome: "read" | "refused" | "unknown";
  /** Why not; empty if a row was read. */
  readonly why: string;
}

/** Codes of errors that say that nothing can be read here. */
const REFUSALS: readonly ErrorCode[] = ["unauthenticated", "not-found"];
const REFUSAL = /permission denied|command denied|does(n't| not) exist|cannot be opened|is not set/i;

/**
 * Tries to read one row of a place, with the credentials of this process.
 * @param baseDir the folder that a relative path is relative to
 */
export async function readOneRow(place: RowPlace, baseDir: string, access: DataAccess): Promise<ReadAttempt> {
  try {
    const origin = await openOrigin(await withoutCatalog(place, baseDir, access), baseDir, access);
    try {
      await origin.version?.();
      const rows = await origin.database.rows(`SELECT 1 FROM ${origin.relation.sql} LIMIT 1`);
      return rows.length > 0 ? { outcome: "read", why: "" } : { outcome: "unknown", why: "has no rows" };
    } catch (thrown) {
      throw await origin.explain(thrown);
    } finally {
      await origin.database.close();
    }
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    const refused = REFUSALS.includes(code) || (code !== "unavailable" && REFUSAL.test(message));
    return { outcome: refused ? "refused" : "unknown", why: message };
  }
}

/** As a query that the database runs itself: DuckDB reads tables by hidden columns, for which rights may be missing. */
async function withoutCatalog(place: RowPlace, baseDir: string, { env }: DataAccess): Promise<StoredSource> {
  const rows = { key: "", maxBadFraction: 0, testFraction: 0.5 };
  if (place.source === "file") return { ...place, maxBadFraction: 0, testFraction: 0.5 };
  const { table, ...rest } = place;
  if (table === undefined) return { ...place, ...rows };
  return { ...rest, ...rows, query: `SELECT 1 AS one FROM ${await quoted(place, table, baseDir, env)} LIMIT 1` };
}

async function quoted(place: DatabaseRowPlace, table: string, baseDir: string, env: DataAccess["env"]) {
  const { kind } = await readDatabaseUrl(place.url, baseDir, env);
  const quote = (name: string) => (kind === "mysql" ? `\`${name.replaceAll("`", "``")}\`` : identifier(name));
  return table.split(".").map(quote).join(".");
}
