import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type Json } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { literal } from "./sql.ts";

const MEBIBYTE = 1024 * 1024;
/** Beyond it DuckDB spills to disk. A trainer's memory is for tensors. */
const MOST_MEMORY_MIB = 1024;

/** A DuckDB of our own that can read one file and nothing else: no other file, no network, no extension. */
export interface Database {
  /** Runs one statement and gives its rows. @throws the error of DuckDB itself */
  rows(sql: string): Promise<Json[][]>;
  /** Lets `use` have a connection of its own, so that reads do not wait for or disturb each other. */
  withConnection<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  /** Reads in progress end with an error. */
  close(): Promise<void>;
}

/** @param path the absolute path of the file that it may read */
export async function openDatabase(path: string): Promise<Database> {
  // DuckDB makes it when it spills: a process that is killed before leaves nothing.
  const spill = join(tmpdir(), `uncouple-data-${randomUUID()}`);
  const memory = Math.max(128, Math.min(MOST_MEMORY_MIB, Math.floor(totalmem() / MEBIBYTE / 4)));
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${memory}MiB`,
    temp_directory: spill,
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
  // Order matters: the path is allowed while that is still possible, and then nothing can be changed any more.
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

/** What DuckDB says, in one sentence: its own advice is about options that users of a pipeline file do not have. */
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

/** @param what is being done, as the beginning of the message */
export function dataError(what: string, error: unknown): UncoupleError {
  if (error instanceof UncoupleError) return error;
  return new UncoupleError("invalid-argument", `${what}: ${duckdbMessage(error)}`, { cause: error });
}
