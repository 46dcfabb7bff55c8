import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { extensionsFolder } from "../helpers/sources/install.ts";
import { startMariadb } from "../helpers/sources/mariadb-server.ts";
import { startPostgres, type TestDatabase } from "../helpers/sources/postgres-server.ts";
import { accessWith, failureOf, type Place, reading } from "../helpers/sources/reading.ts";
import { S3_KEY, S3_SECRET, startS3, type TestStore } from "../helpers/sources/s3-server.ts";
import { run, runWithInput } from "../helpers/sources/server-process.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

/** Planted in every password and key of these tests; it must be in no output. */
const CANARY = "canary";

let folder: string;
let postgres: TestDatabase;
let mariadb: TestDatabase;
let s3: TestStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "secrets-"));
  [postgres, mariadb, s3] = await Promise.all([startPostgres(), startMariadb(), startS3()]);
  await postgres.sql(
    "CREATE TABLE clicks AS SELECT i AS id, i * 2 AS x, i * 3 AS y FROM generate_series(1, 400) i; CREATE TABLE hidden AS SELECT 1 AS id; CREATE ROLE team LOGIN PASSWORD 'canary-team'; GRANT SELECT ON clicks TO team; CREATE DATABASE elsewhere",
  );
  await mariadb.sql(
    "CREATE TABLE clicks AS SELECT seq AS id, seq * 2 AS x FROM seq_1_to_400; CREATE TABLE hidden AS SELECT 1 AS id; CREATE USER team@'%' IDENTIFIED BY 'canary-team'; GRANT SELECT ON ads.clicks TO team@'%'",
  );
  await runWithInput(
    "sqlite3",
    [join(folder, "rows.db")],
    "CREATE TABLE clicks AS SELECT value AS id FROM generate_series(1, 400);",
  );
  await runWithInput("sqlite3", [join(folder, "other.db")], "CREATE TABLE clicks AS SELECT 1 AS id;");
  await writeFile(join(folder, "rows.csv"), "id,x,y\n1,2,3\n2,4,6\n3,6,9\n");
  await s3.put(join(folder, "rows.csv"), "ads/team/rows.csv");
  await s3.put(join(folder, "rows.csv"), "ads/hidden/rows.csv");
  await s3.put(join(folder, "rows.csv"), "other/rows.csv");
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), mariadb?.stop(), s3?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const ids = (place: Place, env: Readonly<Record<string, string>>) =>
  reading(place, accessWith(env), async (source) => (await source.trainingRows(["id"])).table.rows);

/** A failure that shows no secret, also not in its causes. */
async function safeFailure(action: Promise<unknown>): Promise<string> {
  const caught: unknown = await action.catch((thrown: unknown) => thrown);
  for (let error = caught; error instanceof Error; error = error.cause) {
    expect(`${error.message}\n${error.stack}`).not.toContain(CANARY);
  }
  return failureOf(Promise.reject(caught as Error));
}

describe("a query reads its own source and nothing else", () => {
  const team = () => ({
    PG: postgres.url("team", "canary-team"),
    MY: mariadb.url("team", "canary-team"),
    LITE: `sqlite:${join(folder, "rows.db")}`,
  });

  test.each([
    ["another table", "SELECT * FROM hidden", /permission denied/],
    ["another database", "SELECT * FROM elsewhere.public.clicks", /cross-database|does not exist/],
    ["a file of the server", "SELECT 1 AS id, pg_read_file('/etc/passwd') AS x", /permission denied/],
    ["a file of this machine", "SELECT * FROM read_text('/etc/passwd')", /does not exist/],
    ["another server", "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 'clicks')", /does not exist/],
    ["COPY", "COPY clicks TO '/tmp/rows.csv'", /must be a SELECT/],
    ["COPY to a program", "COPY (SELECT 1) TO PROGRAM 'id'", /must be a SELECT/],
    ["ATTACH", "ATTACH '/etc/passwd' AS other", /must be a SELECT/],
    [
      "a write",
      "WITH gone AS (DELETE FROM clicks RETURNING id) SELECT * FROM gone",
      /permission denied|read-only|must be at the top level/,
    ],
    ["two statements", "SELECT * FROM clicks; DROP TABLE clicks", /single statement/],
    ["a closing quote", "SELECT ''') ; DROP TABLE clicks --'", /single statement|syntax/],
  ])("PostgreSQL: %s", async (_what, query, why) => {
    expect(await safeFailure(ids({ url: { env: "PG" }, query }, team()))).toMatch(why);
  });

  test("PostgreSQL: an administrator's query cannot write either", async () => {
    const query = "WITH gone AS (DELETE FROM clicks RETURNING id) SELECT * FROM gone";
    expect(await safeFailure(ids({ url: { env: "PG" }, query }, { PG: postgres.url() }))).toMatch(
      /read-only|must be at the top level/,
    );
    const call = "SELECT 1 AS id, setval('counter', 5) AS x";
    await postgres.sql("CREATE SEQUENCE counter");
    expect(await safeFailure(ids({ url: { env: "PG" }, query: call }, { PG: postgres.url() }))).toMatch(/read-only/);
    expect(await postgres.sql("SELECT count(*) FROM clicks")).toBe("400");
  });

  test.each([
    ["another table", "SELECT * FROM hidden", /command denied|denied/i],
    ["a file of this machine", "SELECT * FROM read_text('/etc/passwd')", /./],
    ["a write", "INSERT INTO clicks VALUES (1, 2)", /must be a SELECT/],
    ["a file of the server", "SELECT id INTO OUTFILE '/tmp/rows.csv' FROM clicks", /denied/i],
  ])("MariaDB: %s", async (_what, query, why) => {
    expect(await safeFailure(ids({ url: { env: "MY" }, query }, team()))).toMatch(why);
  });

  test.each([
    ["another file", `SELECT * FROM sqlite_scan('${"/tmp/other.db"}', 'clicks')`, /no such|prepare/],
    ["ATTACH", "ATTACH 'other.db' AS other", /must be a SELECT/],
    ["a write", "WITH a AS (SELECT 1 AS id) DELETE FROM clicks", /must return data/],
    ["an extension", "SELECT load_extension('/tmp/x') AS id", /not authorized|prepare|no such/],
  ])("SQLite: %s", async (_what, query, why) => {
    expect(await safeFailure(ids({ url: { env: "LITE" }, query }, team()))).toMatch(why);
  });

  test.each([
    ["another folder of the bucket", "SELECT * FROM 's3://ads/hidden/rows.csv'"],
    ["another bucket", "SELECT * FROM read_csv('s3://other/rows.csv')"],
    ["through dots", "SELECT * FROM read_csv('s3://ads/team/../hidden/rows.csv')"],
    ["another endpoint", "SELECT * FROM read_csv('s3://ads/team/rows.csv?s3_endpoint=127.0.0.1:1')"],
    ["a file of this machine", "SELECT * FROM read_text('/etc/passwd')"],
    ["the credentials", "SELECT 1 AS id, secret_string FROM duckdb_secrets(redact = false)"],
    ["ATTACH", "ATTACH 'other.db' AS other"],
    ["COPY", "COPY source TO 's3://ads/team/copy.csv'"],
  ])("S3: %s", async (_what, query) => {
    expect(await safeFailure(ids({ path: "s3://ads/team/", query }, s3.env()))).toMatch(
      /^invalid-argument: .*(disabled|must not have URLs|must be a SELECT|redact|unredacted)/,
    );
  });

  test("S3: the settings of DuckDB have no credentials of this process", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, CANARY);
    try {
      const query = "SELECT id, (SELECT string_agg(name || '=' || value, ' ') FROM duckdb_settings()) AS x FROM source";
      const texts = await reading({ path: "s3://ads/team/", query }, accessWith(s3.env()), async (source) => {
        const { columns } = (await source.trainingRows(["x"])).table;
        return Object.values(columns).flatMap((column) => (column.kind === "categorical" ? column.dictionary : []));
      });
      expect(texts.join(" ")).toContain("s3_secret_access_key=");
      expect(texts.join(" ")).not.toContain(CANARY);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("its own rows", async () => {
    expect(await ids({ url: { env: "PG" }, query: "SELECT id FROM clicks" }, team())).toBeGreaterThan(200);
    expect(await ids({ url: { env: "LITE" }, query: "SELECT id FROM clicks" }, team())).toBeGreaterThan(200);
    expect(await ids({ path: "s3://ads/team/", query: "SELECT id FROM source" }, s3.env())).toBeGreaterThan(0);
  });
});

describe("wrong credentials and places are one clear line without secrets", () => {
  const pg = (url: string) => ids({ url: { env: "PG" }, table: "clicks" }, { PG: url });
  test("PostgreSQL", async () => {
    expect(await safeFailure(pg(postgres.url("team", "canary-wrong")))).toMatch(
      /^unauthenticated: PG \(postgres\): .*password authentication failed for user "team"$/,
    );
    expect(await safeFailure(pg(postgres.url().replace("/ads", "/nowhere")))).toMatch(
      /^not-found: .*"nowhere" does not exist$/,
    );
    expect(await safeFailure(pg("postgres://team:canary-x@127.0.0.1:1/ads"))).toMatch(
      /^unavailable: .*Connection refused/,
    );
    expect(await safeFailure(ids({ url: { env: "PG" }, table: "nowhere" }, { PG: postgres.url() }))).toMatch(
      /^invalid-argument: data\.table: PG \(postgres\): Table with name nowhere does not exist/,
    );
  });

  test("MariaDB", async () => {
    const url = mariadb.url("team", "canary-wrong");
    expect(await safeFailure(ids({ url: { env: "MY" }, table: "clicks" }, { MY: url }))).toMatch(
      /^unauthenticated: MY \(mysql\): .*Access denied for user/,
    );
  });

  test("S3", async () => {
    const read = (env: Readonly<Record<string, string>>) =>
      ids({ path: "s3://ads/team/rows.csv" }, { ...s3.env(), ...env });
    expect(await safeFailure(read({ AWS_SECRET_ACCESS_KEY: "canary-wrong" }))).toMatch(/^unauthenticated: .*403/);
    expect(await safeFailure(read({ AWS_SECRET_ACCESS_KEY: "" }))).toBe(
      "failed-precondition: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not",
    );
    expect(await safeFailure(ids({ path: "s3://ads/none/rows.csv" }, s3.env()))).toMatch(/^not-found: /);
    expect(await safeFailure(ids({ path: "s3://ads/none/" }, s3.env()))).toMatch(/^not-found: .*has no files/);
  });
});

describe("the command line", () => {
  const files = async (data: string) => {
    await writeFile(
      join(folder, "pipeline.yaml"),
      `pipeline: ads\ndata: ${data}\ncomponents:\n  click:\n    columns: [x]\n    output: { name: p, width: 1 }\n    target: y\nobjective: click\n`,
    );
    return join(folder, "pipeline.yaml");
  };
  const validate = async (data: string, env: NodeJS.ProcessEnv, args: readonly string[] = []) => {
    const command = spawnCli(["validate", await files(data), ...args], {
      env: { AWS_PROFILE: "", ...env },
    });
    const code = await command.ended;
    const output = command.stdout() + command.stderr();
    expect(output).not.toContain(CANARY);
    return `${code}: ${output.trim()}`;
  };
  const database = "{ source: database, url_env: ADS_DB, table: clicks, key: id }";

  test("validate reads a database, and says what is missing", async () => {
    const env = { ADS_DB: postgres.url("team", "canary-team"), UNCOUPLE_DUCKDB_EXTENSIONS: extensionsFolder };
    expect(await validate(database, env)).toMatch(/^0: ok .*pipeline ads/);
    expect(await validate(database, { ...env, ADS_DB: undefined })).toMatch(/ADS_DB is not set/);
    expect(
      await validate(database, { ...env, UNCOUPLE_DUCKDB_EXTENSIONS: undefined }, [
        "--duckdb-extensions",
        extensionsFolder,
      ]),
    ).toMatch(/^0: ok/);
  });

  test("a missing extension is one line that says how to install it", async () => {
    const env = { ADS_DB: postgres.url("team", "canary-team"), UNCOUPLE_DUCKDB_EXTENSIONS: undefined, HOME: folder };
    const line =
      /ADS_DB \(postgres\) needs DuckDB's extension postgres_scanner: set UNCOUPLE_DUCKDB_INSTALL=1 to download it once, or without a network put postgres_scanner\.duckdb_extension of DuckDB [\d.]+ for \w+ into a folder and give that with --duckdb-extensions or UNCOUPLE_DUCKDB_EXTENSIONS \(it is in the PyPI package duckdb-extension-postgres-scanner==[\d.]+\)$/;
    expect(await validate(database, env)).toMatch(line);
    expect(await validate(database, { ...env, UNCOUPLE_DUCKDB_EXTENSIONS: folder })).toMatch(
      /cannot be loaded from .*; put postgres_scanner\.duckdb_extension of DuckDB/,
    );
  });

  test("credentials come from a file, too", async () => {
    await writeFile(join(folder, "url"), `${postgres.url("team", "canary-team")}\n`);
    const env = { UNCOUPLE_DUCKDB_EXTENSIONS: extensionsFolder };
    expect(await validate("{ source: database, url_file: url, table: clicks, key: id }", env)).toMatch(/^0: ok/);
    await writeFile(
      join(folder, "credentials"),
      `[default]\naws_access_key_id = ${S3_KEY}\naws_secret_access_key = ${S3_SECRET}\n`,
    );
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...place } = s3.env();
    const chain = {
      ...env,
      ...place,
      AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
      AWS_PROFILE: "default",
    };
    const data = "{ source: file, path: s3://ads/team/, key: id }";
    expect(await validate(data, chain)).toMatch(/^0: ok/);
    await writeFile(join(folder, "credentials"), "[other]\naws_access_key_id = canary\n");
    expect(await validate(data, chain)).toMatch(
      /AWS_PROFILE is set, but DuckDB's extension aws finds no credentials by it/,
    );
  });

  test("nothing is written to the file system of this machine", async () => {
    const { stdout } = await run("ls", ["-A", folder]);
    expect(stdout).not.toContain(".duckdb");
    expect(await readFile(join(folder, "pipeline.yaml"), "utf8")).not.toContain(CANARY);
  });
});
