import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { asUncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";
import { installSources } from "./helpers/sources/install.ts";

/**
 * Reads rows from real servers: PostgreSQL, MariaDB, an S3 server, HTTPS, and SQLite, with cut connections:
 *
 *     npm run test:sources [-- FILTER]
 *
 * Installs what is missing once, into the cache folder: DuckDB's extensions with pip, the S3 server with go. The databases
 * must be installed: apt-get install postgresql mariadb-server sqlite3.
 */
const root = resolve(import.meta.dirname, "..");

try {
  await installSources(console.log);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const tests = spawn(process.execPath, [vitest, "run", "--project", "sources", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = await new Promise<number>((done) => tests.once("close", (code) => done(code ?? 1)));
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(message);
  process.exitCode = exitCodes[code];
}
