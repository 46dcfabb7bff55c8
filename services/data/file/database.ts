import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type Json } from "@duckdb/node-api";
import { availableCpus } from "../../common/available-cpus.ts";
import { UncoupleError } from "../../common/errors.ts";
import { READ_BROKE_OFF, storeFault } from "./outage.ts";
import { identifier, sqlList } from "./sql.ts";

const MEBIBYTE = 1024 * 1024;
/** Memory beyond which DuckDB spills to disk, unless the caller gives it a share of its own. */
const MAX_MEMORY_MIB = 1024;

/** A private DuckDB instance that can read only what its `Reach` names. */
export interface Database {
  /** Runs a statement and returns its rows. @throws DuckDB's own error */
  rows(sql: string): Promise<Json[][]>;
  /**
   * Calls `use` with a connection of its own, so that concurrent reads are independent, in a transaction: everything it
   * reads of an attached database is one snapshot.
   * @throws DuckDB's error of any read, also of a stream that ended early
   */
  withConnection<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  /** Closes the database. Reads in progress fail. */
  close(): Promise<void>;
}

/** Everything that a database can read. */
export interface Reach {
  /** Absolute paths and URLs of files. */
  readonly paths?: readonly string[];
  /** Absolute paths and URLs of folders, with everything in them. */
  readonly folders?: readonly string[];
  /** Loads extensions, creates secrets and attaches databases, before everything else is locked. */
  prepare?(run: (sql: string) => Promise<Json[][]>): Promise<void>;
  /** The attached database in which tables are looked up first. */
  readonly catalog?: string;
  /** The name in messages of what is not on this machine. */
  readonly store?: string;
  /** Texts that must not leave the database in an error, such as passwords. */
  readonly secrets?: readonly string[];
}

/**
 * Opens a database.
 * @param memoryBytes beyond which it spills to disk; default: a quarter of the machine's memory, at most 1 GiB
 * @throws DuckDB's own error, UncoupleError for one of the store, or what `prepare` throws
 */
export async function openDatabase(reach: Reach, memoryBytes?: number): Promise<Database> {
  // DuckDB creates the folder only when it spills, so a process killed before that leaves nothing behind.
  const spill = join(tmpdir(), `uncouple-data-${randomUUID()}`);
  const share = Math.floor((memoryBytes ?? totalmem() / 4) / MEBIBYTE);
  const memory = Math.max(128, Math.min(MAX_MEMORY_MIB, share));
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${memory}MiB`,
    temp_directory: spill,
    // By default DuckDB counts the machine's processors, whatever the affinity mask.
    threads: `${availableCpus()}`,
    preserve_insertion_order: "true",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    // Credentials that somebody has stored for DuckDB on this machine are not this pipeline's.
    allow_persistent_secrets: "false",
  });
  const connections = new Set<DuckDBConnection>();
  const inUse = new Set<Promise<unknown>>();
  const connected = async <T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    const connection = await instance.connect();
    connections.add(connection);
    try {
      return await use(connection);
    } catch (error) {
      throw outward(error, reach);
    } finally {
      connections.delete(connection);
      connection.disconnectSync();
    }
  };
  /** `close` waits for it. */
  const tracked = <T>(work: Promise<T>): Promise<T> => {
    const ended: Promise<unknown> = work.catch(() => {}).finally(() => inUse.delete(ended));
    inUse.add(ended);
    return work;
  };
  const prepared = async (connection: DuckDBConnection) => {
    if (reach.catalog !== undefined) await connection.run(`USE ${identifier(reach.catalog)}`);
  };
  const run = (sql: string) => connected(async (connection) => (await connection.runAndReadAll(sql)).getRowsJson());
  const close = async () => {
    for (const connection of connections) connection.interrupt();
    await Promise.all(inUse);
    instance.closeSync();
    await rm(spill, { recursive: true, force: true });
  };
  let closing: Promise<void> | undefined;
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  try {
    await reach.prepare?.(run);
    // Order matters: allow the paths first, then lock the configuration.
    await run(`SET allowed_paths = ${sqlList(reach.paths ?? [])}`);
    await run(`SET allowed_directories = ${sqlList(reach.folders ?? [])}`);
    await run("SET enable_external_access = false");
    await run("SET lock_configuration = true");
  } catch (error) {
    await closeOnce();
    throw error;
  }
  return {
    rows: (sql) =>
      tracked(
        connected(async (connection) => {
          await prepared(connection);
          return (await connection.runAndReadAll(sql)).getRowsJson();
        }),
      ),
    withConnection: (use) =>
      tracked(
        connected(async (connection) => {
          await prepared(connection);
          return await inTransaction(connection, use);
        }),
      ),
    close: closeOnce,
  };
}

/** Runs `use` in a transaction, which fails if anything in it failed. */
async function inTransaction<T>(
  connection: DuckDBConnection,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  await connection.run("BEGIN TRANSACTION");
  try {
    const result = await use(connection);
    // Committing a transaction that an error has aborted would succeed.
    await connection.run("SELECT 1");
    await connection.run("COMMIT");
    return result;
  } catch (error) {
    // Disconnecting with an open transaction ends the process if an attached server does not answer its rollback.
    await connection.run("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * Streams the rows of a query, within `withConnection`.
 *
 * DuckDB's streaming interface for Node (1.5) reports an error in the middle of a stream as the end of the rows. The error
 * aborts the transaction, though, so the next statement fails.
 * @throws DuckDB's error
 */
export async function* chunksOf(connection: DuckDBConnection, sql: string): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    yield chunk;
  }
  try {
    await connection.run("SELECT 1");
  } catch {
    throw await streamError(connection, sql);
  }
}

/** Finds what ended a stream, by reading again to the end; it may not happen again. */
async function streamError(connection: DuckDBConnection, sql: string): Promise<Error> {
  try {
    await connection.run("ROLLBACK").catch(() => {});
    await connection.run("BEGIN TRANSACTION");
    await connection.run(`SELECT bit_xor(hash(every)) FROM (${sql}) AS every`);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  return new Error(READ_BROKE_OFF);
}

/** An error as it may leave the database: without secrets, and with a code if it is about the store. */
function outward(error: unknown, { store, secrets = [] }: Reach): unknown {
  if (store === undefined || error instanceof UncoupleError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const shown = new Error(secrets.reduce((safe, secret) => safe.replaceAll(secret, "***"), text));
  const code = storeFault(shown.message);
  return code === undefined ? shown : new UncoupleError(code, `${store}: ${duckdbMessage(shown)}`);
}

/** Reduces a DuckDB error to one sentence. Its hints are about options that pipeline files do not have. */
export function duckdbMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = /CSV Error on Line: (\d+)/.exec(text)?.[1];
  const body = text
    .replace(/^(Invalid Input|Mismatch Type|Binder|Parser|Catalog|Conversion|Permission|IO|HTTP|Invalid) Error: /, "")
    .replace(/CSV Error on Line: \d+\nOriginal Line: [^\n]*\n/, "")
    .replace(
      /Unable to connect to Postgres at "[^"]*": |Failed to connect to MySQL database with parameters "[^"]*": /,
      "",
    )
    .replace(/\s*Did you mean "(pg_|duckdb_|sqlite_)[^"]*"\?/, "")
    .replace(/\s(Try setting|\* SET|Set) \w+\s?=.*/s, "")
    .split(/\n\s*\n|\nPossible|\nThe search space|\nLINE \d/)[0] as string;
  const sentence = body.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  return line === undefined ? sentence : `line ${line}: ${sentence}`;
}

/** Converts a DuckDB error into `invalid-argument`. @param what the subject, at the start of the message */
export function dataError(what: string, error: unknown): UncoupleError {
  if (error instanceof UncoupleError) return error;
  return new UncoupleError("invalid-argument", `${what}: ${duckdbMessage(error)}`, { cause: error });
}
