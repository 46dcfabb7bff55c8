import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type Json } from "@duckdb/node-api";
import { availableCpus } from "../../common/available-cpus.ts";
import { UncoupleError } from "../../common/errors.ts";
import { literal } from "./sql.ts";

const MEBIBYTE = 1024 * 1024;
/** Memory limit beyond which DuckDB spills to disk. A trainer needs its memory for tensors. */
const MAX_MEMORY_MIB = 1024;

/** A private DuckDB instance that can read a single file, without other files, network and extensions. */
export interface Database {
  /** Runs a statement and returns its rows. @throws DuckDB's own error */
  rows(sql: string): Promise<Json[][]>;
  /** Calls `use` with a connection of its own, so that concurrent reads are independent. */
  withConnection<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  /** Closes the database. Reads in progress fail. */
  close(): Promise<void>;
}

/** Opens a database. @param path absolute path of the only file that it can read */
export async function openDatabase(path: string): Promise<Database> {
  // DuckDB creates the folder only when it spills, so a process killed before that leaves nothing behind.
  const spill = join(tmpdir(), `uncouple-data-${randomUUID()}`);
  const memory = Math.max(128, Math.min(MAX_MEMORY_MIB, Math.floor(totalmem() / MEBIBYTE / 4)));
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${memory}MiB`,
    temp_directory: spill,
    // By default DuckDB counts the machine's processors, whatever the affinity mask.
    threads: `${availableCpus()}`,
    preserve_insertion_order: "true",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connections = new Set<DuckDBConnection>();
  const withConnection = async <T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    const connection = await instance.connect();
    connections.add(connection);
    try {
      return await use(connection);
    } finally {
      connections.delete(connection);
      connection.disconnectSync();
    }
  };
  const rows = (sql: string) =>
    withConnection(async (connection) => (await connection.runAndReadAll(sql)).getRowsJson());
  let closing: Promise<void> | undefined;
  const close = async () => {
    for (const connection of connections) connection.interrupt();
    instance.closeSync();
    await rm(spill, { recursive: true, force: true });
  };
  // Order matters: allow the path first, then lock the configuration.
  await rows(`SET allowed_paths = [${literal(path)}]`);
  await rows("SET enable_external_access = false");
  await rows("SET lock_configuration = true");
  return {
    rows,
    withConnection,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Reduces a DuckDB error to one sentence. Its hints are about options that pipeline files do not have. */
function duckdbMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = /CSV Error on Line: (\d+)/.exec(text)?.[1];
  const body = text
    .replace(/^(Invalid Input|Binder|Parser|Catalog|Conversion|Permission|IO|Invalid) Error: /, "")
    .replace(/CSV Error on Line: \d+\nOriginal Line: [^\n]*\n/, "")
    .split(/\n\s*\n|\nPossible|\nThe search space|\nLINE \d/)[0] as string;
  const sentence = body.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  return line === undefined ? sentence : `line ${line}: ${sentence}`;
}

/** Converts a DuckDB error into `invalid-argument`. @param what the subject, at the start of the message */
export function dataError(what: string, error: unknown): UncoupleError {
  if (error instanceof UncoupleError) return error;
  return new UncoupleError("invalid-argument", `${what}: ${duckdbMessage(error)}`, { cause: error });
}
