import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDataSource } from "../../../../services/data/open-data-source.ts";
import type { DataSource } from "../../../../services/data/source/data-source.ts";
import type { FileRows, FileSource } from "../../../../services/pipeline/pipeline.ts";
import { numbers, table } from "../../../helpers/data-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "many-files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: string | Buffer): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, name), content);
}

async function opened<T>(over: Partial<FileRows>, use: (source: DataSource) => Promise<T>): Promise<T> {
  const rows: FileRows = { source: "file", path: ".", key: "id", maxBadFraction: 0, ...over };
  const spec: FileSource = { ...rows, testFraction: 1e-9 };
  const source = await openDataSource(spec, folder);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

const ids = (over: Partial<FileRows> = {}) =>
  opened(over, async (source) => numbers(await source.trainingRows(["id"]), "id"));
const upTo = (n: number, first = 1) => Array.from({ length: n }, (_, i) => first + i);

async function failure(over: Partial<FileRows>, query?: string): Promise<string> {
  const error: unknown = await ids({ ...over, ...(query !== undefined && { query }) }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "UncoupleError" });
  const { code, message } = error as { code: string; message: string };
  return `${code}: ${message.replaceAll(`${folder}/`, "").replaceAll(folder, "FOLDER")}`;
}

const lines = (n: number, first = 1) =>
  upTo(n, first)
    .map((id) => `{"id": ${id}, "x": ${2 * id}}\n`)
    .join("");

async function parquet(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(`COPY (${sql}) TO '${join(folder, name)}' (FORMAT parquet)`);
  connection.disconnectSync();
}

describe("a folder", () => {
  test("is all of its files of rows, in the order of their names, at every depth", async () => {
    await put("b/2.csv", table(3, 4));
    await put("b/1.csv.gz", gzipSync(table(3, 1)));
    await put("c.csv", table(3, 7));
    for (const hidden of [".c.csv", "_SUCCESS", "_temporary/0.csv", "b/.crc/1.csv", "README.md"]) {
      await put(hidden, "no,rows\n1,2\n");
    }
    expect(await ids()).toEqual(upTo(9));
    expect(await ids({ path: "b" })).toEqual(upTo(6));
    expect(await ids({ path: `${folder}/b/` })).toEqual(upTo(6));
    expect(await ids({ query: "SELECT id FROM source WHERE x > 4" })).toHaveLength(7);
  });

  test("can begin with files that have a header only", async () => {
    await put("1.csv", "id,x\n");
    expect(await failure({})).toBe("invalid-argument: data.path: FOLDER has no rows after its header");
    await put("3.csv", table(2));
    expect(await ids()).toEqual([1, 2]);
  });

  test("can have a name with the characters of globs", async () => {
    await put("it's [new]*?/a.csv", table(2));
    await put("it's [new]*?/b.csv", table(2, 3));
    await put("it's n-x/c.csv", table(2, 5));
    expect(await ids({ path: "it's [new]*?" })).toEqual(upTo(4));
  });

  test("is read as it is now: added, replaced and removed files count", async () => {
    await put("1.csv", table(3));
    await opened({}, async (source) => {
      const now = async () => numbers(await source.trainingRows(["id"]), "id");
      expect(await now()).toEqual(upTo(3));
      await put("2.csv", table(2, 4));
      expect(await now()).toEqual(upTo(5));
      await rename(join(folder, "1.csv"), join(folder, "_1.csv"));
      expect(await now()).toEqual([4, 5]);
      await put("3.csv", "x,id\n1,2\n");
      await expect(now()).rejects.toThrow(
        /3\.csv has other columns than .*1\.csv: the same in another order; all files must have the same$/,
      );
    });
  });

  test("holds out the same rows however they are distributed over files", async () => {
    const heldOut = async (path: string) => {
      const source = await openDataSource(
        { source: "file", path, key: "id", maxBadFraction: 0, testFraction: 0.3 },
        folder,
      );
      const rows = await source.heldOutRows(["id"]);
      await source.close();
      return numbers(rows, "id").sort((a, b) => a - b);
    };
    await put("one/all.csv", table(300));
    await put("many/a.csv", table(100, 201));
    await put("many/b.csv", table(200, 1));
    await put("lines/all.jsonl", lines(300));
    await parquet("parquet/1.parquet", "SELECT i AS id, 2 * i AS x FROM range(1, 301) t(i)");
    const expected = await heldOut("one/all.csv");
    expect(expected.length).toBeGreaterThan(60);
    for (const path of ["one", "many", "lines", "parquet", "many/*.csv"]) expect(await heldOut(path)).toEqual(expected);
  });

  test("counts the malformed lines of every file", async () => {
    await put("1.csv", "id,x\n1,2\n2,3,4\n");
    await put("2.csv", "id,x\n3,2\n4,3,4\n5,no\n");
    await opened({ maxBadFraction: 1 }, async (source) => {
      expect((await source.trainingRows(["id", "x"])).bad).toMatchObject({ bad: 3, total: 5 });
    });
  });

  test("has the columns of its Hive partitions, if it is Parquet", async () => {
    for (const day of [1, 2]) await parquet(`day=${day}/a.parquet`, `SELECT ${day} AS id, 5 AS x`);
    await opened({}, async (source) => {
      expect(numbers(await source.trainingRows(["day"]), "day")).toEqual([1, 2]);
    });
  });

  test("requires a key, a group, or a split by time", async () => {
    await put("1.csv", table(50));
    await put("2.csv", table(50, 51));
    const { key: _, ...rows } = { source: "file", path: ".", key: "id", maxBadFraction: 0 } as const;
    await expect(openDataSource({ ...rows, testFraction: 0.2 }, folder)).rejects.toThrow(
      "data.path: a folder can grow, so row numbers cannot determine the held-out rows; set data.key to a column that identifies rows",
    );
    const time = { column: "id", heldOut: { fraction: 0.5 }, gapSeconds: 0 };
    const source = await openDataSource({ ...rows, time }, folder);
    expect((await source.heldOutRows(["id"])).table.rows).toBe(50);
    await source.close();
  });
});

describe("JSON lines", () => {
  test("have the keys as columns, with numbers, texts, booleans and vectors", async () => {
    await put(
      "a.jsonl",
      '{"id":1,"x":1.5,"city":"Oslo","ok":true,"v":[1,2]}\n{"id":2,"x":-2,"city":"Rome","ok":false,"v":[3,4.5]}\n',
    );
    await opened({ path: "a.jsonl" }, async (source) => {
      expect(await source.schema()).toEqual([
        { name: "id", kind: "numeric", width: 1 },
        { name: "x", kind: "numeric", width: 1 },
        { name: "city", kind: "categorical", width: 1 },
        { name: "ok", kind: "categorical", width: 1 },
        { name: "v", kind: "numeric", width: 2 },
      ]);
      expect(numbers(await source.trainingRows(["v"]), "v")).toEqual([1, 2, 3, 4.5]);
      expect(numbers(await source.trainingRows(["x"]), "x")).toEqual([1.5, -2]);
    });
    expect(await ids({ path: "a.jsonl", query: "SELECT id + 1 AS id FROM source WHERE ok" })).toEqual([2]);
  });

  test("count lines that are no objects, missing keys and wrong types as bad rows", async () => {
    const bad = ["not json", '{"id": 3}', '{"id": 4, "x": "n/a"}', "", '{"id": 5, "x": null}'];
    await put("a.ndjson", `${lines(40, 10)}${bad.join("\n")}\n`);
    await opened({ path: "a.ndjson", maxBadFraction: 1 }, async (source) => {
      const { table: good, bad: counted } = await source.trainingRows(["id", "x"]);
      expect(good.rows).toBe(40);
      expect(counted.bad).toBe(4);
      expect(counted.examples).toContain('row 43: column x: not a number ("n/a")');
    });
  });

  test("are recognized by their first byte, whatever the file is called", async () => {
    await put("rows.txt", lines(4));
    expect(await ids({ path: "rows.txt" })).toEqual(upTo(4));
  });
});

test("compressed JSON lines, and ones of which the first is malformed, are known by their names", async () => {
  await put("a.jsonl.gz", gzipSync(lines(2)));
  await put("b.ndjson", `no json\n${lines(2, 3)}`);
  expect(await ids({ path: "a.jsonl.gz" })).toEqual([1, 2]);
  expect(await ids({ path: "b.ndjson", maxBadFraction: 0.5 })).toEqual([3, 4]);
});

describe("wrong files", () => {
  test.each([
    ["an empty folder", { path: "." }, "not-found: data.path: FOLDER has no files of rows (CSV, JSON lines, Parquet)"],
    [
      "a glob without matches",
      { path: "*.csv" },
      "not-found: data.path: *.csv matches no files of rows (CSV, JSON lines, Parquet)",
    ],
    [
      "an unknown scheme",
      { path: "ftp://host/rows.csv" },
      "invalid-argument: data.path: unsupported scheme ftp://; available: s3, gs, https, or a local path",
    ],
    [
      "plain http",
      { path: "http://host/rows.csv" },
      "invalid-argument: data.path: unsupported scheme http://; available: s3, gs, https, or a local path",
    ],
    [
      "a password in a URL",
      { path: "https://me:secret@host/rows.csv" },
      "invalid-argument: data.path: must not have credentials or a query string, which may be one; they would be stored with the pipeline file",
    ],
    [
      "a signed URL",
      { path: "https://host/rows.csv?X-Amz-Signature=1" },
      "invalid-argument: data.path: must not have credentials or a query string, which may be one; they would be stored with the pipeline file",
    ],
    [
      "a glob over https",
      { path: "https://host/*.csv" },
      "invalid-argument: data.path: https:// has no folders or globs; name one file",
    ],
    [
      "a bucket without a name",
      { path: "s3://*/rows.csv" },
      "invalid-argument: data.path: must be like s3://BUCKET/FOLDER/ or s3://BUCKET/FILE",
    ],
    [
      "dots in a URL",
      { path: "s3://bucket/a/../b/" },
      "invalid-argument: data.path: must not have . or .. between its slashes",
    ],
    [
      "a question mark in a URL",
      { path: "s3://bucket/a.csv?s3_endpoint=elsewhere" },
      "invalid-argument: data.path: must not have a ?, after which DuckDB expects credentials",
    ],
    [
      "a store without access",
      { path: "s3://bucket/a.csv" },
      "failed-precondition: data: this command reads rows from local files only",
    ],
  ])("%s", async (_what, over, says) => {
    expect(await failure(over)).toBe(says);
  });

  test("of several formats, of other columns, or of unknown format", async () => {
    await put("a.csv", table(2));
    await put("b.jsonl", lines(2, 3));
    expect(await failure({})).toBe(
      "invalid-argument: data.path: FOLDER has files of different formats (a.csv, b.jsonl); set data.format or use a glob",
    );
    expect(await ids({ format: "jsonl" })).toEqual([3, 4]);
    await put("c.csv", "id,y\n1,2\n");
    expect(await failure({ path: "*.csv" })).toBe(
      "failed-precondition: c.csv has other columns than a.csv: without x, with y; all files must have the same",
    );
    await put("d.dat", "id,x\n1,2\n");
    expect(await failure({ path: "*.dat" })).toBe(
      "invalid-argument: data.path: *.dat: set data.format, which the names do not tell",
    );
    expect(await ids({ path: "*.dat", format: "csv" })).toEqual([1]);
    for (const [name, column] of [
      ["e/1", "x"],
      ["e/2", "y"],
    ] as const)
      await parquet(`${name}.parquet`, `SELECT 1 AS id, 2 AS ${column}`);
    expect(await failure({ path: "e" })).toBe(
      "failed-precondition: e/2.parquet has other columns than e/1.parquet: without x (integer), with y (integer); all files must have the same",
    );
  });

  test("with values that would be rounded: integers in the first file, numbers in the second", async () => {
    await parquet("1.parquet", "SELECT 1 AS id, 2 AS x, 'v' AS c");
    await parquet("2.parquet", "SELECT 2 AS id, 2.5::DOUBLE AS x, 'w' AS c");
    expect(await failure({})).toBe(
      "failed-precondition: 2.parquet has other columns than 1.parquet: without x (integer), with x (number); all files must have the same",
    );
    await parquet("2.parquet", "SELECT 2::BIGINT AS id, 3::SMALLINT AS x, 'w' AS c");
    await parquet("a=1/3.parquet", "SELECT 3 AS id, 3 AS x, 'w' AS c");
    expect(await ids({ path: "*.parquet" })).toEqual([1, 2]);
    await parquet("a=b/4.parquet", "SELECT 4 AS id, 3 AS x, 'w' AS c");
    expect(await ids({ path: "a=*/*.parquet" })).toEqual([3, 4]);
  });

  test("of which one is no table, or empty, unless it is JSON lines", async () => {
    await put("1.csv", table(2));
    await put("2.csv", `${"\u0000\u0001garbage\u0007".repeat(50)}\n`);
    expect(await failure({})).toMatch(/^failed-precondition: 2\.csv has other columns than 1\.csv: [ -~]{1,200}$/);
    await put("2.csv", "");
    expect(await failure({})).toBe("failed-precondition: data.path: FOLDER has an empty file, without a header: 2.csv");
    await put("lines/1.jsonl", "");
    await put("lines/2.jsonl", lines(2));
    expect(await ids({ path: "lines" })).toEqual([1, 2]);
  });

  test("a query of a folder reads this folder only", async () => {
    await put("in/a.csv", table(2));
    await put("out/b.csv", table(2));
    for (const query of [
      `SELECT * FROM read_csv('${folder}/out/b.csv')`,
      `SELECT * FROM read_csv('${folder}/in/../out/b.csv')`,
      `SELECT * FROM '${folder}/out/b.csv'`,
      "SELECT content AS id FROM read_text('/etc/passwd')",
      "SELECT * FROM read_csv('https://example.com/a.csv')",
    ]) {
      expect(await failure({ path: "in" }, query)).toMatch(/file system operations are disabled|Permission|disabled/);
    }
    expect(await failure({ path: "in" }, `COPY source TO '${folder}/in/c.csv'`)).toContain(
      "must be a SELECT statement",
    );
  });
});
