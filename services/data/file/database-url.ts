import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import type { DatabaseUrl } from "../../pipeline/pipeline.ts";
import type { DataAccess } from "../source/data-access.ts";
import { createSecret } from "./credentials.ts";
import { type Extension, loadExtension, type RunSql } from "./extensions.ts";
import { literal } from "./sql.ts";

/** A database to attach. */
export interface DatabasePlace {
  readonly kind: "postgres" | "mysql" | "sqlite";
  /** For messages, without credentials: `ADS_DB (postgres)`. */
  readonly name: string;
  /** Absolute; of `sqlite` only. */
  readonly file?: string;
  /** How to log in; of a server only. */
  readonly login: Readonly<Record<string, string | undefined>>;
  /** `name=value` of its driver. */
  readonly options: readonly string[];
  /** Texts that no message may show. */
  readonly secrets: readonly string[];
}

const SCHEMES: Readonly<Record<string, DatabasePlace["kind"]>> = {
  "postgres:": "postgres",
  "postgresql:": "postgres",
  "mysql:": "mysql",
  "mariadb:": "mysql",
  "sqlite:": "sqlite",
};

/** What a URL may say after its `?`. */
const OPTIONS = {
  postgres: [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "options",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
  ],
  mysql: ["ssl_ca", "ssl_capath", "ssl_cert", "ssl_cipher", "ssl_key", "ssl_mode"],
  sqlite: [],
} as const satisfies Record<DatabasePlace["kind"], readonly string[]>;

/** libpq's own defaults never give up a connection that is gone. */
const POSTGRES_DEFAULTS = {
  application_name: "uncouple",
  connect_timeout: "10",
  keepalives_idle: "30",
  tcp_user_timeout: "30000",
};

/**
 * Finds the URL of a database and parses it. No message shows any part of it.
 * @param baseDir the folder that relative paths are relative to
 * @throws UncoupleError `failed-precondition` if the variable is not set or its text is not such a URL; `not-found` for a
 *   missing file
 */
export async function readDatabaseUrl(
  where: DatabaseUrl,
  baseDir: string,
  env: DataAccess["env"],
): Promise<DatabasePlace> {
  if ("env" in where) {
    const text = env[where.env] || undefined;
    if (text !== undefined) return parseDatabaseUrl(text, where.env, baseDir);
    const message = `data.url_env: the environment variable ${where.env} is not set; it must have the URL of the database`;
    throw new UncoupleError("failed-precondition", message);
  }
  const path = resolve(baseDir, where.file);
  const text = await readFile(path, "utf8").catch(() => {
    throw new UncoupleError("not-found", `data.url_file: file not found or not readable: ${path}`);
  });
  return parseDatabaseUrl(text.trim(), where.file, baseDir);
}

/** @param source where the text comes from, for messages */
export function parseDatabaseUrl(text: string, source: string, baseDir: string): DatabasePlace {
  const refuse = (why: string) => new UncoupleError("failed-precondition", `${source} ${why}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = url === undefined ? undefined : SCHEMES[url.protocol];
  if (url === undefined || kind === undefined) {
    throw refuse(
      "must have a URL like postgres://USER:PASSWORD@HOST:5432/DATABASE, mysql://USER:PASSWORD@HOST:3306/DATABASE or sqlite:FILE, with special characters of names and passwords as %40 for @ and so on",
    );
  }
  const name = `${source} (${kind})`;
  if (kind === "sqlite") {
    const file = resolve(baseDir, decoded(text.replace(/^sqlite:(\/\/(?=\/))?/i, "")));
    return { kind, name, file, login: {}, options: [], secrets: [] };
  }
  const database = decoded(url.pathname.slice(1));
  if (url.hostname === "" || database === "") throw refuse("must have a URL with a host and a database");
  const known: readonly string[] = OPTIONS[kind];
  const given: Record<string, string> = kind === "postgres" ? { ...POSTGRES_DEFAULTS } : {};
  for (const [option, value] of url.searchParams) {
    if (!known.includes(option)) throw refuse(`has a URL with an unknown option; available: ${known.join(", ")}`);
    if (!/^[\w./:=@+-]+$/.test(value))
      throw refuse(`has a URL whose option ${option} has other characters than a-z, 0-9 and ./:=@+-_`);
    given[option] = value;
  }
  const password = decoded(url.password);
  const login = {
    TYPE: kind,
    HOST: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    PORT: url.port || undefined,
    DATABASE: database,
    USER: decoded(url.username) || undefined,
    PASSWORD: password || undefined,
  };
  const secrets = [text, password, url.password].filter((secret) => secret !== "");
  return { kind, name, login, options: Object.entries(given).map(([key, value]) => `${key}=${value}`), secrets };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The catalog of the attached database. */
export const CATALOG = "origin";

const EXTENSION_OF: Readonly<Record<DatabasePlace["kind"], Extension>> = {
  postgres: "postgres_scanner",
  mysql: "mysql_scanner",
  sqlite: "sqlite_scanner",
};

/** Attaches a database, to be read only. @throws UncoupleError as `loadExtension`; DuckDB's own error */
export async function attach(run: RunSql, place: DatabasePlace, env: DataAccess["env"]): Promise<void> {
  const { kind, login, file, options } = place;
  await loadExtension(run, EXTENSION_OF[kind], place.name, env);
  if (file === undefined) await createSecret(run, login, "login");
  const secret = file === undefined ? ", SECRET login" : "";
  await run(`ATTACH ${literal(file ?? options.join(" "))} AS ${CATALOG} (TYPE ${kind}, READ_ONLY${secret})`);
}
