import { join } from "node:path";
import type { Json } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { type DataAccess, EXTENSIONS_VARIABLE } from "../source/data-access.ts";
import { duckdbMessage } from "./database.ts";
import { literal } from "./sql.ts";

/** DuckDB's extensions for stores outside this machine; none is part of its npm package. */
export type Extension = "httpfs" | "aws" | "postgres_scanner" | "mysql_scanner" | "sqlite_scanner";

/** Runs a statement and returns its rows. */
export type RunSql = (sql: string) => Promise<Json[][]>;

/** The environment variable that allows downloads: `1`, or the URL of a repository of extensions. */
const INSTALL = "UNCOUPLE_DUCKDB_INSTALL";

/**
 * Loads an extension: from the folder that `UNCOUPLE_DUCKDB_EXTENSIONS` names and nowhere else, or one that DuckDB has
 * installed, or after a download if `UNCOUPLE_DUCKDB_INSTALL` allows it. DuckDB checks the signature of each.
 * @param what needs it, at the start of the message
 * @throws UncoupleError `failed-precondition` with what to do
 */
export async function loadExtension(run: RunSql, name: Extension, what: string, env: DataAccess["env"]): Promise<void> {
  const folder = env[EXTENSIONS_VARIABLE] || undefined;
  const source = env[INSTALL] || undefined;
  try {
    if (folder !== undefined) await run(`LOAD ${literal(join(folder, `${name}.duckdb_extension`))}`);
    else await run(`LOAD ${name}`).catch(() => installed(run, name, source));
  } catch (error) {
    throw new UncoupleError("failed-precondition", `${what} needs ${await howToInstall(run, name, env, error)}`);
  }
}

async function installed(run: RunSql, name: Extension, source: string | undefined): Promise<void> {
  if (source === undefined) throw new Error("not installed");
  await run(source === "1" ? `INSTALL ${name}` : `INSTALL ${name} FROM ${literal(source)}`);
  await run(`LOAD ${name}`);
}

async function howToInstall(
  run: RunSql,
  name: Extension,
  { [EXTENSIONS_VARIABLE]: folder, [INSTALL]: source }: DataAccess["env"],
  error: unknown,
): Promise<string> {
  const release = String((await run("SELECT version()"))[0]?.[0]).replace(/^v/, "");
  const platform = String((await run("PRAGMA platform"))[0]?.[0]);
  const file = `${name}.duckdb_extension of DuckDB ${release} for ${platform}`;
  const wheel = `it is in the PyPI package duckdb-extension-${name.replaceAll("_", "-")}==${release}`;
  if (folder) {
    return `DuckDB's extension ${name}, which cannot be loaded from ${folder}: ${duckdbMessage(error)}; put ${file} there (${wheel})`;
  }
  if (source) {
    return `DuckDB's extension ${name}, which cannot be downloaded: ${duckdbMessage(error)}; without a network put ${file} into a folder and give that with --duckdb-extensions (${wheel})`;
  }
  return `DuckDB's extension ${name}: set ${INSTALL}=1 to download it once, or without a network put ${file} into a folder and give that with --duckdb-extensions or ${EXTENSIONS_VARIABLE} (${wheel})`;
}
