import { resolve } from "node:path";
import type { Command } from "commander";
import { type DataAccess, EXTENSIONS_VARIABLE } from "../../data/source/data-access.ts";
import type { CliContext } from "../context/context.ts";

/** How a command reads rows that are not in local files. */
export interface DataFlags {
  readonly duckdbExtensions?: string;
}

export function withDataFlags(command: Command): Command {
  return command.option(
    "--duckdb-extensions <folder>",
    "folder with DuckDB's extensions for s3://, gs://, https:// and databases (UNCOUPLE_DUCKDB_EXTENSIONS)",
  );
}

/** The environment in which flags have replaced their variables, which child processes inherit. */
export function dataEnvironment(
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
  { duckdbExtensions: folder }: DataFlags,
): CliContext["env"] {
  return folder === undefined ? env : { ...env, [EXTENSIONS_VARIABLE]: resolve(cwd, folder) };
}

/** @param warn called with a sentence about an outage; the default writes it to stderr */
export function dataAccess(
  context: Pick<CliContext, "env" | "cwd" | "clock" | "stderr">,
  flags: DataFlags = {},
  warn: DataAccess["warn"] = (message) => context.stderr.write(`${message}\n`),
): DataAccess {
  return { env: dataEnvironment(context, flags), clock: context.clock, warn };
}
