import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createGzip } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLink } from "../helpers/cuttable-link.ts";
import { extensionsFolder } from "../helpers/sources/install.ts";
import { startPostgres, type TestDatabase } from "../helpers/sources/postgres-server.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { uncouple, up } from "../helpers/uncouple.ts";

let folder: string;
let postgres: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "service-"));
  postgres = await startPostgres();
  await postgres.sql(
    "CREATE TABLE clicks AS SELECT i AS id, sin(i) AS x, 2 * sin(i) AS y FROM generate_series(1, 4000) i; CREATE ROLE team LOGIN PASSWORD 'canary-team'; GRANT SELECT ON clicks TO team",
  );
  await writeFile(
    join(folder, "pipeline.yaml"),
    "pipeline: ads\ndata: { source: database, url_env: ADS_DB, table: clicks, key: id }\ncomponents:\n  click:\n    columns: [x]\n    output: { name: p, width: 1 }\n    target: y\nobjective: click\n",
  );
  await writeFile(join(folder, "click.yaml"), "component: click\nmodel: linear\nsteps: 200\nbatch: 64\n");
});
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("a stack trains on PostgreSQL, survives an outage of it, and shows no password", async () => {
  const link = await openLink(postgres.port);
  const env = {
    ADS_DB: postgres.url("team", "canary-team", link.port),
    UNCOUPLE_DUCKDB_EXTENSIONS: extensionsFolder,
  };
  const stack = await up(["pipeline.yaml", "click.yaml"], { cwd: folder, env });
  try {
    const train = () => uncouple(["train", "click", "--follow"], { cwd: folder });
    expect((await train()).code).toBe(0);
    await postgres.sql("INSERT INTO clicks SELECT i, sin(i), 2 * sin(i) FROM generate_series(4001, 6000) i");
    // The database is gone when the run begins, and back before the trainer gives up.
    link.cut();
    const during = train();
    setTimeout(() => link.mend(), 3_000);
    expect((await during).code).toBe(0);
    const { stdout } = await uncouple(["snapshots", "--json"], { cwd: folder });
    expect(stdout.match(/"serial":2/g) ?? stdout.match(/"serial": 2/g)).not.toBeNull();
  } finally {
    await stack.end("SIGINT");
    await link.close();
  }
  let trainer = "";
  for (const file of await readdir(join(folder, ".uncouple/logs"))) {
    const text = await readFile(join(folder, ".uncouple/logs", file), "utf8");
    expect(text).not.toContain("canary");
    if (file.startsWith("trainer")) trainer = text;
  }
  expect(trainer).toContain("reading again from the beginning");
  expect(stack.output()).not.toContain("canary");
});

test("extensions are downloaded only if that is allowed, from the repository that is named", async () => {
  const version = await duckdbVersion();
  const asked: string[] = [];
  const repository = createServer((request, response) => {
    asked.push(request.url ?? "");
    const name = basename(request.url ?? "", ".gz");
    if (!(request.url ?? "").startsWith(`/${version}/`)) {
      response.writeHead(404).end();
      return;
    }
    createReadStream(join(extensionsFolder, name))
      .pipe(createGzip({ level: 1 }))
      .pipe(response);
  }).listen(0, "127.0.0.1");
  await new Promise((done) => repository.once("listening", done));
  const url = `http://127.0.0.1:${(repository.address() as AddressInfo).port}`;
  try {
    const home = await mkdtemp(join(folder, "home-"));
    const env = { ADS_DB: postgres.url("team", "canary-team"), HOME: home, UNCOUPLE_DUCKDB_EXTENSIONS: "" };
    const validate = async (install: string) => {
      const command = spawnCli(["validate", join(folder, "pipeline.yaml")], {
        env: { ...env, UNCOUPLE_DUCKDB_INSTALL: install },
      });
      const code = await command.ended;
      return { code, output: command.stdout() + command.stderr() };
    };
    expect((await validate("")).code).toBe(2);
    expect(asked).toEqual([]);
    expect(await validate(url)).toMatchObject({ code: 0 });
    expect(asked).toEqual([expect.stringContaining("postgres_scanner.duckdb_extension")]);
    // It stays.
    expect(await validate("")).toMatchObject({ code: 0 });
    expect(asked).toHaveLength(1);
  } finally {
    repository.close();
  }
});

async function duckdbVersion(): Promise<string> {
  const connection = await (await DuckDBInstance.create()).connect();
  const [[version] = []] = (await connection.runAndReadAll("SELECT version()")).getRowsJson();
  connection.disconnectSync();
  return String(version);
}
