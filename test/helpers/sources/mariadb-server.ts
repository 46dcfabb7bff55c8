import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { ADMIN_PASSWORD, type TestDatabase } from "./postgres-server.ts";
import { run, runWithInput, serverFolder, serverUser, startServer } from "./server-process.ts";

/** Starts MariaDB from the Debian package on a free port of 127.0.0.1. */
export async function startMariadb(): Promise<TestDatabase> {
  const user = serverUser("mysql");
  const folder = await serverFolder("mariadb", user);
  const data = join(folder, "data");
  const socket = join(folder, "socket");
  const init = ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"];
  await run("mariadb-install-db", init, { ...user, cwd: folder });
  const port = await freePort();
  const sql = async (text: string, database?: string) => {
    const args = ["--no-defaults", `--socket=${socket}`, "-u", "root", "-N", "-B", ...(database ? [database] : [])];
    return runWithInput("mariadb", args, text);
  };
  const args = [
    "--no-defaults",
    `--datadir=${data}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${socket}`,
  ];
  const server = await startServer("/usr/sbin/mariadbd", args, { ...user, cwd: folder }, () => sql("SELECT 1"));
  await sql(
    `CREATE DATABASE ads; CREATE USER admin@'%' IDENTIFIED BY '${ADMIN_PASSWORD}'; GRANT ALL ON *.* TO admin@'%'; DROP USER IF EXISTS ''@'localhost'`,
  );
  return {
    port,
    url: (name = "admin", password = ADMIN_PASSWORD, at = port) => `mysql://${name}:${password}@127.0.0.1:${at}/ads`,
    sql: (text) => sql(text, "ads"),
    stop: () => server.stop(),
  };
}
