import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeldOutRows, Rows } from "../../services/data/source/data-source.ts";
import type { FileSplit } from "../../services/pipeline/pipeline.ts";
import type { RowSample } from "../../services/pipeline/sample.ts";
import { HTTPS_CA, serveHttps } from "../helpers/sources/https-files.ts";
import { startMariadb } from "../helpers/sources/mariadb-server.ts";
import { startPostgres, type TestDatabase } from "../helpers/sources/postgres-server.ts";
import { accessWith, type Place, reading } from "../helpers/sources/reading.ts";
import { COLUMNS, insertStatements, ROWS, writeRows } from "../helpers/sources/rows.ts";
import { S3_KEY, S3_SECRET, startS3, type TestStore } from "../helpers/sources/s3-server.ts";
import { runWithInput } from "../helpers/sources/server-process.ts";

let folder: string;
let postgres: TestDatabase;
let mariadb: TestDatabase;
let s3: TestStore;
let https: Awaited<ReturnType<typeof serveHttps>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  await writeRows(folder);
  [postgres, mariadb, s3, https] = await Promise.all([startPostgres(), startMariadb(), startS3(), serveHttps(folder)]);
  const types = ["DOUBLE PRECISION", "NUMERIC(12, 6)", "BOOLEAN"] as const;
  await postgres.sql("CREATE SCHEMA marketing");
  await postgres.sql(await insertStatements("marketing.clicks", types));
  await mariadb.sql(await insertStatements("clicks", types));
  await runWithInput(
    "sqlite3",
    [join(folder, "rows.db")],
    await insertStatements("clicks", ["REAL", "REAL", "BOOLEAN"]),
  );
  for (const extension of ["csv", "jsonl", "parquet"]) {
    await s3.put(join(folder, `all.${extension}`), `ads/one/all.${extension}`);
    for (const part of [0, 1, 2]) {
      const name = `${extension}/part-${part}.${extension}`;
      await s3.put(join(folder, name), `ads/many/${name}`);
    }
  }
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), mariadb?.stop(), s3?.stop(), https?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Sources that keep the order of the files, and sources that are ordered by the hash of the key. */
const places: readonly (readonly [string, "files" | "database", () => Place])[] = [
  ["a CSV file", "files", () => ({ path: join(folder, "all.csv") })],
  ["JSON lines", "files", () => ({ path: join(folder, "all.jsonl") })],
  ["a Parquet file", "files", () => ({ path: join(folder, "all.parquet") })],
  ["a folder of CSV", "files", () => ({ path: join(folder, "csv") })],
  ["a folder of JSON lines", "files", () => ({ path: join(folder, "jsonl") })],
  ["a glob of Parquet", "files", () => ({ path: join(folder, "parquet/part-*.parquet") })],
  ["S3, a CSV file", "files", () => ({ path: "s3://ads/one/all.csv" })],
  ["S3, JSON lines", "files", () => ({ path: "s3://ads/one/all.jsonl" })],
  ["S3, a Parquet file", "files", () => ({ path: "s3://ads/one/all.parquet" })],
  ["S3, a folder of CSV", "files", () => ({ path: "s3://ads/many/csv/" })],
  ["S3, a folder of JSON lines", "files", () => ({ path: "s3://ads/many/jsonl/" })],
  ["S3, a glob of Parquet", "files", () => ({ path: "s3://ads/many/*/part-[0-2].parquet" })],
  ["Google Cloud Storage, a CSV file", "files", () => ({ path: "gs://ads/one/all.csv" })],
  ["Google Cloud Storage, a folder of JSON lines", "files", () => ({ path: "gs://ads/many/jsonl/" })],
  ["Google Cloud Storage, a glob of Parquet", "files", () => ({ path: "gs://ads/many/*/part-[0-2].parquet" })],
  ["HTTPS, CSV", "files", () => ({ path: `https://localhost:${https.port}/all.csv` })],
  ["HTTPS, Parquet", "files", () => ({ path: `https://localhost:${https.port}/all.parquet` })],
  ["PostgreSQL, a table", "database", () => ({ url: { env: "PG" }, table: "marketing.clicks" })],
  [
    "PostgreSQL, a query",
    "database",
    () => ({ url: { env: "PG" }, query: "SELECT * FROM marketing.clicks WHERE id >= 0;" }),
  ],
  ["MariaDB, a table", "database", () => ({ url: { env: "MY" }, table: "clicks" })],
  [
    "MariaDB, a query",
    "database",
    () => ({ url: { env: "MY" }, query: "SELECT `id`, x, share, city, ok, day FROM clicks" }),
  ],
  ["SQLite, a table", "database", () => ({ url: { env: "LITE" }, table: "clicks" })],
  [
    "SQLite, a query",
    "database",
    () => ({
      url: { env: "LITE" },
      query: "SELECT id, x, share, city, iif(ok, 'true', 'false') AS ok, day FROM clicks -- all",
    }),
  ],
];

const access = () =>
  accessWith({
    PG: postgres.url(),
    MY: mariadb.url(),
    LITE: `sqlite:${join(folder, "rows.db")}`,
    SSL_CERT_FILE: HTTPS_CA,
    // Of s3:// only, which is not encrypted here.
    AWS_CA_BUNDLE: "/nowhere/ca.pem",
    ...s3.env(),
    GS_ACCESS_KEY_ID: S3_KEY,
    GS_SECRET_ACCESS_KEY: S3_SECRET,
    GS_ENDPOINT_URL: s3.env().AWS_ENDPOINT_URL,
  });

/** Every value, by row, in the order of the key; truth values as 1 and true alike. */
function valuesOf({ table, labels }: HeldOutRows): readonly string[] {
  const text = (name: string, row: number): string => {
    const column = table.columns[name];
    if (column?.kind === "numeric") return `${column.values[row]}`;
    return column === undefined ? "" : `${column.dictionary[column.codes[row] ?? 0]}`;
  };
  const truth: Readonly<Record<string, string>> = { "1": "true", "0": "false" };
  const ids = labels.id;
  return Array.from({ length: table.rows }, (_, row) => {
    const ok = text("ok", row);
    const key = ids?.dictionary[ids.codes[row] ?? 0] ?? "";
    return `${key.padStart(5)} ${text("x", row)} ${text("share", row)} ${text("city", row)} ${truth[ok] ?? ok}`;
  }).sort();
}

const SAMPLE: RowSample = {
  nearDuplicates: { columns: ["x"], distance: 0.001 },
  atMost: { column: "city", rows: 300 },
  rows: 200,
  stratified: "city",
};

interface Read {
  readonly heldOut: readonly string[];
  readonly training: Rows;
  readonly sampled: Rows;
  readonly heldOutFingerprint: string;
}

async function readAll(place: Place, split?: FileSplit): Promise<Read> {
  return reading(
    place,
    access(),
    async (source) => {
      const heldOut = await source.heldOutRows(COLUMNS, ["id"]);
      const training = await source.trainingRows(COLUMNS);
      const sampled = await source.trainingRows(COLUMNS, { sample: SAMPLE });
      return { heldOut: valuesOf(heldOut), training, sampled, heldOutFingerprint: heldOut.fingerprint };
    },
    split,
  );
}

test("SQLite: the columns of a query have the types of their values", async () => {
  const query =
    "SELECT id, x, city, CAST(id AS TEXT) AS code, NULL AS empty, iif(id % 100 = 7, 'word', id) AS mixed FROM clicks";
  await reading({ url: { env: "LITE" }, query, maxBadFraction: 0.1 }, access(), async (source) => {
    const kinds = (await source.schema()).map(({ name, kind }) => `${name} ${kind}`);
    expect(kinds).toEqual([
      "id numeric",
      "x numeric",
      "city categorical",
      "code categorical",
      "empty categorical",
      "mixed numeric",
    ]);
    const rows = await source.trainingRows(["mixed"]);
    expect(rows.bad.bad).toBeGreaterThan(0);
    expect(rows.bad.examples[0]).toContain("column mixed: missing");
  });
});

test("PostgreSQL: a column that cannot be read does not matter unless it is named", async () => {
  await postgres.sql(
    "CREATE TABLE odd AS SELECT i AS id, sin(i) AS x, ARRAY[ARRAY[i, 1]] AS grid, now() AS at FROM generate_series(1, 100) i",
  );
  await reading({ url: { env: "PG" }, table: "odd" }, access(), async (source) => {
    expect((await source.trainingRows(["x"])).table.rows).toBeGreaterThan(50);
    const convert = "convert it in data.query to a number, boolean, string or list of numbers";
    expect([...source.unreadable()]).toEqual([
      ["grid", `has no values, or lists of lists; ${convert}`],
      [
        "at",
        `has the unsupported type TIMESTAMP WITH TIME ZONE; ${convert}, for example with extract(epoch from "at")`,
      ],
    ]);
  });
});

describe.each([
  ["by hash", { testFraction: 0.25 }],
  ["by time", { time: { column: "day", heldOut: { seconds: 20 * 86_400 }, gapSeconds: 86_400 } }],
] as const)("split %s", (_name, split) => {
  const expected = new Map<string, Read>();

  test.each(places)("%s has the same rows, on the same sides", async (name, order, placeOf) => {
    const read = await readAll(placeOf(), split);
    const first = expected.get("files") ?? read;
    expect(read.heldOut.length).toBeGreaterThan(600);
    expect(read.heldOut).toEqual(first.heldOut);
    expect(read.training.table.rows).toBe(first.training.table.rows);
    if (!("time" in split)) expect(read.training.table.rows + read.heldOut.length).toBe(ROWS);
    expect(read.sampled.table.rows).toBe(SAMPLE.rows);
    expect(read.sampled.sample).toEqual(first.sampled.sample);
    const alike = expected.get(order);
    if (alike === undefined) expected.set(order, read);
    // SQLite has no truth values, but 0 and 1.
    else if (!name.startsWith("SQLite")) {
      expect(read.heldOutFingerprint).toBe(alike.heldOutFingerprint);
      expect(read.training.fingerprint).toBe(alike.training.fingerprint);
      expect(read.sampled.fingerprint).toBe(alike.sampled.fingerprint);
    }
  });
});
