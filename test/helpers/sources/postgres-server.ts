import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { run, runWithInput, serverFolder, serverUser, startServer } from "./server-process.ts";

/** A database server of its own, with one administrator. */
export interface TestDatabase {
  readonly port: number;
  /** A URL of its database `ads`. @param port of a proxy before it */
  url(user?: string, password?: string, port?: number): string;
  /** Runs statements as the administrator. @returns what they print, without headers */
  sql(text: string): Promise<string>;
  stop(): Promise<void>;
}

export const ADMIN_PASSWORD = "canary-admin-6dd1";

/** Starts PostgreSQL from the Debian package on a free port of 127.0.0.1. */
export async function startPostgres(): Promise<TestDatabase> {
  const user = serverUser("postgres");
  const folder = await serverFolder("postgres", user);
  const [version = ""] = (await readdir("/usr/lib/postgresql")).sort().reverse();
  const bin = (name: string) => `/usr/lib/postgresql/${version}/bin/${name}`;
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, ADMIN_PASSWORD);
  const data = join(folder, "data");
  const init = ["-D", data, "-U", "admin", `--pwfile=${passwordFile}`, "-A", "scram-sha-256", "--no-sync"];
  await run(bin("initdb"), init, { ...user, cwd: folder });
  const port = await freePort();
  const sql = async (text: string, database = "ads") => {
    const args = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "admin", "-d", database, "-v", "ON_ERROR_STOP=1", "-Atq"];
    return runWithInput("psql", args, text, { ...process.env, PGPASSWORD: ADMIN_PASSWORD });
  };
  const args = ["-D", data, "-p", `${port}`, "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"];
  const server = await startServer(bin("postgres"), args, { ...user, cwd: folder }, () => sql("SELECT 1", "postgres"));
  await sql("CREATE DATABASE ads", "postgres");
  return {
    port,
    url: (name = "admin", password = ADMIN_PASSWORD, at = port) => `postgres://${name}:${password}@127.0.0.1:${at}/ads`,
    sql: (text) => sql(text),
    stop: () => server.stop(),
  };
}
