import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkEvaluatorWall, checkTrainerWall } from "../../services/data/wall.ts";
import { extensionsFolder } from "../helpers/sources/install.ts";
import { startMariadb } from "../helpers/sources/mariadb-server.ts";
import { startPostgres, type TestDatabase } from "../helpers/sources/postgres-server.ts";
import { accessWith, failureOf, reading } from "../helpers/sources/reading.ts";
import { startS3, type TestStore } from "../helpers/sources/s3-server.ts";
import { run } from "../helpers/sources/server-process.ts";
import { documented, type Env, hashedIds, idsOf, parsed, wallOf } from "../helpers/sources/wall.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

/** The number of rows that a query with the key `id` reads. */
const countOf = (url: string, query: string) =>
  reading({ url: { env: "ADS_DB" }, query }, accessWith({ ADS_DB: url }), async (source) => {
    const rows = await Promise.all([source.trainingRows(["id"]), source.heldOutRows(["id"])]);
    return rows.reduce((sum, { table }) => sum + table.rows, 0);
  });

describe("PostgreSQL", () => {
  let folder: string;
  let postgres: TestDatabase;
  const TEXT = `pipeline: ads
data:
  source: database
  url_env: ADS_DB
  table: clicks
  key: id
  held_out: { table: held_out.clicks, url_env: EVALUATOR_DB }
components:
  click: { columns: [age], output: { name: p }, target: clicked, data: { table: training.click } }
  revenue: { columns: [price], upstream: [click], output: { name: r }, target: revenue, data: { table: training.revenue } }
`;
  const pipeline = parsed(TEXT);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wall-"));
    postgres = await startPostgres();
    await postgres.sql(
      "CREATE TABLE clicks AS SELECT i AS id, sin(i) AS age, 2 * sin(i) AS clicked, cos(i) AS price, 3 * sin(i) + cos(i) AS revenue FROM generate_series(1, 2000) i",
    );
    await postgres.sql(await documented("sql", "CREATE ROLE"));
  });
  afterAll(async () => {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const click = () => postgres.url("click_trainer", "change-me-2");
  const evaluator = () => postgres.url("evaluator", "change-me-1");

  test("the views of docs/data.md divide the rows as a test fraction of 0.2 does", async () => {
    const held = await idsOf(pipeline, { EVALUATOR_DB: evaluator() }, "evaluator");
    const training = await idsOf(pipeline, { ADS_DB: click() }, { trainer: "click" });
    expect(held).toEqual(await hashedIds(postgres.url(), "clicks"));
    expect(held.length).toBeGreaterThan(300);
    expect(new Set([...held, ...training]).size).toBe(2000);
    expect(held.length + training.length).toBe(2000);
  });

  test("conditions of a query are not evaluated on the rows that a view leaves out", async () => {
    const [held = ""] = await idsOf(pipeline, { EVALUATOR_DB: evaluator() }, "evaluator");
    const [training = ""] = await idsOf(pipeline, { ADS_DB: click() }, { trainer: "click" });
    const read = (id: string) => countOf(click(), `SELECT id FROM training.click WHERE 1 / (id - ${id}) IS NOT NULL`);
    expect(await read(held)).toBeGreaterThan(1000);
    expect(await failureOf(read(training))).toContain("division by zero");
  });

  test("doctor passes with the rights of docs/data.md", async () => {
    expect(await wallOf(pipeline, { ADS_DB: click() })).toEqual({
      "components.click.data": "sound",
      data: "sound",
      "data.held_out": "sound",
    });
    const found = await checkEvaluatorWall(pipeline, "/nowhere/p.yaml", accessWith({ EVALUATOR_DB: evaluator() }));
    expect(found).toEqual([{ place: "data.held_out", state: "sound", detail: "can be read" }]);
  });

  test("doctor fails with the evaluator's credentials in a trainer's environment", async () => {
    expect(await wallOf(pipeline, { ADS_DB: click(), EVALUATOR_DB: evaluator() })).toMatchObject({
      "data.held_out": "leak",
    });
  });

  test.each([
    [
      "on the held-out rows",
      "GRANT USAGE ON SCHEMA held_out TO click_trainer; GRANT SELECT ON held_out.clicks TO click_trainer",
      "REVOKE ALL ON held_out.clicks FROM click_trainer; REVOKE ALL ON SCHEMA held_out FROM click_trainer",
      { "data.held_out": "leak", data: "sound" },
    ],
    [
      "on one held-out column",
      "GRANT USAGE ON SCHEMA held_out TO click_trainer; GRANT SELECT (id) ON held_out.clicks TO click_trainer",
      "REVOKE ALL (id) ON held_out.clicks FROM click_trainer; REVOKE ALL ON SCHEMA held_out FROM click_trainer",
      { "data.held_out": "leak" },
    ],
    [
      "on the table below",
      "GRANT SELECT ON clicks TO click_trainer",
      "REVOKE ALL ON clicks FROM click_trainer",
      { data: "leak", "data.held_out": "sound" },
    ],
    [
      "by a role",
      "CREATE ROLE readers; GRANT USAGE ON SCHEMA held_out TO readers; GRANT SELECT ON held_out.clicks TO readers; GRANT readers TO click_trainer",
      "REVOKE readers FROM click_trainer",
      { "data.held_out": "leak" },
    ],
  ])("doctor finds a right too many: %s", async (_, grant, revoke, expected) => {
    await postgres.sql(grant);
    try {
      expect(await wallOf(pipeline, { ADS_DB: click() })).toMatchObject(expected);
    } finally {
      await postgres.sql(revoke);
    }
    expect(await wallOf(pipeline, { ADS_DB: click() })).toMatchObject({ data: "sound", "data.held_out": "sound" });
  });

  test("doctor finds a column too many in a view", async () => {
    await postgres.sql(
      "CREATE VIEW training.wide WITH (security_barrier) AS SELECT id, age, clicked, price FROM clicks; GRANT SELECT ON training.wide TO click_trainer",
    );
    const wide = parsed(TEXT.replace("training.click }", "training.wide }"));
    const [own] = await checkTrainerWall(wide, "/nowhere/p.yaml", accessWith({ ADS_DB: click() }), "click");
    expect(own).toEqual({
      place: "components.click.data",
      state: "leak",
      detail: "has columns that click may not see: price",
    });
  });

  test("a database that does not answer is unknown, not sound", async () => {
    const away = postgres.url("evaluator", "change-me-1", 1);
    expect(await wallOf(pipeline, { ADS_DB: click(), EVALUATOR_DB: away })).toMatchObject({
      "data.held_out": "unknown",
    });
  });

  test("the command exits by what it finds, in one line", async () => {
    await writeFile(join(folder, "pipeline.yaml"), TEXT);
    const doctor = async (env: Env) => {
      const args = ["doctor", "--pipeline-file", join(folder, "pipeline.yaml"), "--as", "trainer:click", "--json"];
      const command = spawnCli(args, { env: { UNCOUPLE_DUCKDB_EXTENSIONS: extensionsFolder, ...env } });
      const code = await command.ended;
      const checks: { section: string; name: string; status: string; detail: string }[] = JSON.parse(
        command.stdout(),
      ).checks;
      return { code, checks: checks.filter(({ section }) => section === "data") };
    };
    expect((await doctor({ ADS_DB: click() })).checks.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
    const leaking = await doctor({ ADS_DB: click(), EVALUATOR_DB: evaluator() });
    expect(leaking.code).not.toBe(0);
    expect(leaking.checks.filter(({ status }) => status === "failure")).toMatchObject([
      {
        name: "trainer:click: data.held_out",
        detail: "held-out rows can be read with the credentials here",
      },
    ]);
  });
});

describe("MariaDB", () => {
  let mariadb: TestDatabase;
  const pipeline = parsed(`pipeline: ads
data:
  source: database
  url_env: ADS_DB
  table: ads.clicks
  key: id
  held_out: { table: held_out.clicks, url_env: EVALUATOR_DB }
components:
  click: { columns: [age], output: { name: p }, target: clicked, data: { table: training.click } }
`);

  beforeAll(async () => {
    mariadb = await startMariadb();
    await mariadb.sql(
      "CREATE TABLE clicks AS SELECT seq AS id, sin(seq) AS age, 2 * sin(seq) AS clicked, cos(seq) AS price, 3 * sin(seq) AS revenue FROM seq_1_to_2000",
    );
    await mariadb.sql(await documented("sql", "CREATE DATABASE"));
  });
  afterAll(() => mariadb?.stop());

  const at = (user: string, password: string, database: string) =>
    mariadb.url(user, password).replace(/ads$/, database);
  const click = () => at("click_trainer", "change-me-2", "training");
  const evaluator = () => at("evaluator", "change-me-1", "held_out");

  test("the views of docs/data.md divide the rows as a test fraction of 0.2 does", async () => {
    const held = await idsOf(pipeline, { EVALUATOR_DB: evaluator() }, "evaluator");
    const training = await idsOf(pipeline, { ADS_DB: click() }, { trainer: "click" });
    expect(held).toEqual(await hashedIds(mariadb.url(), "clicks"));
    expect(new Set([...held, ...training]).size).toBe(2000);
    expect(held.length + training.length).toBe(2000);
  });

  test("conditions of a query are not evaluated on the rows that a view leaves out", async () => {
    const [held = ""] = await idsOf(pipeline, { EVALUATOR_DB: evaluator() }, "evaluator");
    const [training = ""] = await idsOf(pipeline, { ADS_DB: click() }, { trainer: "click" });
    // With MariaDB's own client: DuckDB does not tell why a query fails after it has begun.
    const read = async (id: string) => {
      const login = ["-h127.0.0.1", `-P${mariadb.port}`, "-uclick_trainer", "-pchange-me-2", "training"];
      const query = `SELECT count(*) FROM click WHERE IF(id = ${id}, exp(1000), 1)`;
      return (await run("mariadb", ["--no-defaults", ...login, "-N", "-e", query])).stdout;
    };
    expect(Number(await read(held))).toBeGreaterThan(1000);
    await expect(read(training)).rejects.toThrow(/out of range/);
  });

  test("doctor passes with the rights of docs/data.md, and fails with the evaluator's credentials", async () => {
    const sound = { "components.click.data": "sound", data: "sound", "data.held_out": "sound" };
    expect(await wallOf(pipeline, { ADS_DB: click() })).toEqual(sound);
    const found = await checkEvaluatorWall(pipeline, "/nowhere/p.yaml", accessWith({ EVALUATOR_DB: evaluator() }));
    expect(found).toEqual([{ place: "data.held_out", state: "sound", detail: "can be read" }]);
    expect(await wallOf(pipeline, { ADS_DB: click(), EVALUATOR_DB: evaluator() })).toEqual({
      ...sound,
      "data.held_out": "leak",
    });
  });

  test.each([
    ["on the held-out rows", "SELECT ON held_out.clicks", { "data.held_out": "leak", data: "sound" }],
    ["on one held-out column", "SELECT (id) ON held_out.clicks", { "data.held_out": "leak", data: "sound" }],
    ["on the table below", "SELECT ON ads.clicks", { data: "leak", "data.held_out": "sound" }],
    ["on everything", "SELECT ON *.*", { data: "leak", "data.held_out": "leak" }],
  ])("doctor finds a right too many: %s", async (_, right, expected) => {
    await mariadb.sql(`GRANT ${right} TO click_trainer@'%'`);
    try {
      expect(await wallOf(pipeline, { ADS_DB: click() })).toMatchObject(expected);
    } finally {
      await mariadb.sql(`REVOKE ${right} FROM click_trainer@'%'`);
    }
    expect(await wallOf(pipeline, { ADS_DB: click() })).toMatchObject({ data: "sound", "data.held_out": "sound" });
  });
});

describe("S3", () => {
  let folder: string;
  let s3: TestStore;
  let trainer: Env;
  let evaluator: Env;
  const pipeline = parsed(`pipeline: ads
data: { source: file, path: "s3://ads/all/", key: id, held_out: { path: "s3://ads/held-out/" } }
components:
  click: { columns: [age], output: { name: p }, target: clicked, data: { path: "s3://ads/training/click/" } }
`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wall-s3-"));
    s3 = await startS3();
    await writeFile(join(folder, "rows.csv"), "id,age,clicked\n1,2,3\n2,4,6\n3,6,9\n");
    for (const key of ["all", "held-out", "training/click"])
      await s3.put(join(folder, "rows.csv"), `ads/${key}/rows.csv`);
    trainer = await s3.user("click-key", "canary-click-1");
    evaluator = await s3.user("evaluator-key", "canary-evaluator-1");
  });
  afterAll(async () => {
    await s3?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The policy of docs/data.md for the users here. */
  const policy = async () =>
    (await documented("json", "s3:ListBucket"))
      .replaceAll("arn:aws:iam::111122223333:user/click-trainer", "click-key")
      .replaceAll("arn:aws:iam::111122223333:user/evaluator", "evaluator-key");

  test("doctor passes with the policy of docs/data.md", async () => {
    await s3.policy("ads", await policy());
    expect(await wallOf(pipeline, trainer)).toEqual({
      "components.click.data": "sound",
      data: "sound",
      "data.held_out": "sound",
    });
    const found = await checkEvaluatorWall(pipeline, "/nowhere/p.yaml", accessWith(evaluator));
    expect(found).toMatchObject([{ state: "sound" }]);
    expect(await wallOf(pipeline, evaluator)).toMatchObject({
      "components.click.data": "broken",
      "data.held_out": "leak",
    });
  });

  test("doctor finds a policy with too much", async () => {
    await s3.policy(
      "ads",
      (await policy()).replaceAll('"training/click/*"', '"*"').replaceAll("ads/training/click/*", "ads/*"),
    );
    expect(await wallOf(pipeline, trainer)).toEqual({
      "components.click.data": "sound",
      data: "leak",
      "data.held_out": "leak",
    });
  });
});
