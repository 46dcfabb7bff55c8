import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, test, vi } from "vitest";
import type { Rows } from "../../../../services/data/source/data-source.ts";
import { dataFiles, numbers, table } from "../../../helpers/data-files.ts";

const { pathOf, file, opened, read, failureOf } = dataFiles();

function texts(rows: Rows, name: string): (string | undefined)[] {
  const column = rows.table.columns[name];
  if (column?.kind !== "categorical") throw new Error(`no categorical column ${name}`);
  return Array.from(column.codes, (code) => column.dictionary[code]);
}

const RARELY_HELD_OUT = { testFraction: 1e-9 };

describe("a CSV file", () => {
  test("has numeric, text and boolean columns, read in file order", async () => {
    const name = await file("x,city,ok\n1.5,Oslo,true\n-2,Rome,FALSE\n3e2,Oslo,True\n");
    await opened(name, RARELY_HELD_OUT, async (source) => {
      expect(await source.schema()).toEqual([
        { name: "x", kind: "numeric", width: 1 },
        { name: "city", kind: "categorical", width: 1 },
        { name: "ok", kind: "categorical", width: 1 },
      ]);
      const rows = await source.trainingRows(["ok", "x", "city"]);
      expect(numbers(rows, "x")).toEqual([1.5, -2, 300]);
      expect(texts(rows, "city")).toEqual(["Oslo", "Rome", "Oslo"]);
      expect(texts(rows, "ok")).toEqual(["true", "false", "true"]);
      expect(rows.bad).toEqual({ total: 3, bad: 0, examples: [] });
      expect(Object.keys((await source.trainingRows(["x"])).table.columns)).toEqual(["x"]);
    });
  });

  test("keeps words such as yes and no as written", async () => {
    const rows = await read(await file("x,clicked\n1,yes\n2,no\n3,yes\n"), ["clicked"], RARELY_HELD_OUT);
    expect(texts(rows, "clicked")).toEqual(["yes", "no", "yes"]);
  });

  test("can be quoted, gzipped, separated by semicolons, and have CRLF line endings", async () => {
    const content = 'x;"a name; quoted"\r\n1;"say ""hi"""\r\n2;b\r\n';
    for (const name of [await file(content), await file(gzipSync(content), "csv.gz")]) {
      const rows = await read(name, ["x", "a name; quoted"], RARELY_HELD_OUT);
      expect(numbers(rows, "x")).toEqual([1, 2]);
      expect(texts(rows, "a name; quoted")).toEqual(['say "hi"', "b"]);
    }
  });

  test("never interprets column names as SQL", async () => {
    const evil = `x"; DROP VIEW source; --`;
    const nasty = "it's";
    const header = [evil, nasty].map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
    const name = await file(`${header}\n1,a\n2,\n`);
    const rows = await read(name, [evil, nasty], { ...RARELY_HELD_OUT, maxBadFraction: 0.5 });
    expect(numbers(rows, evil)).toEqual([1]);
    expect(rows.bad.examples).toEqual(["row 2: column it's: missing"]);
  });

  test("leaves out, counts and reports bad rows", async () => {
    const lines = ["x,c,ok"];
    for (let i = 1; i <= 40; i += 1) lines.push(`${i},c,true`);
    lines[3] = "n/a,c,true";
    lines[5] = ",c,true";
    lines[7] = "nan,c,true";
    lines[9] = "1e39,c,true";
    lines[11] = "11,,true";
    lines[13] = "1,2";
    lines[15] = "1,2,3,4";
    const name = await file(`${lines.join("\n")}\n`);
    const rows = await read(name, ["x", "c"], { ...RARELY_HELD_OUT, maxBadFraction: 0.2 });
    expect(rows.table.rows).toBe(33);
    expect(rows.bad.total).toBe(40);
    expect(rows.bad.bad).toBe(7);
    expect(rows.bad.examples).toEqual([
      'row 3: column x: not a number ("n/a")',
      "row 5: column x: missing",
      'row 7: column x: not a finite number ("nan")',
      'row 9: column x: not a finite number ("1e39")',
      "row 11: column c: missing",
    ]);
  });

  test("checks rows only in the requested columns", async () => {
    const name = await file("x,y\n1,\n2,3\n");
    expect(numbers(await read(name, ["x"], RARELY_HELD_OUT), "x")).toEqual([1, 2]);
  });

  test("fails with counts and examples if too many rows are bad", async () => {
    const name = await file("x,y\n1,1\nbad,1\n3,1\n4,1\n5,1\n6,1\n7,1\n8,1\n9,1\n10,1\n11,1\n1,2,3\n");
    expect(await failureOf(read(name, ["x"], { ...RARELY_HELD_OUT, maxBadFraction: 0.1 }))).toBe(
      `failed-precondition: ${name}: 2 of 12 training rows (17 %) are bad, more than max_bad_fraction (0.1) allows: row 2: column x: not a number ("bad"); line 13: Expected Number of Columns: 2 Found: 3`,
    );
  });

  test("keeps a column numeric despite a few bad values, even in the first row", async () => {
    const name = await file(`x\nunknown\n${Array.from({ length: 30 }, (_, i) => `${i}\n`).join("")}`);
    const rows = await read(name, ["x"], { ...RARELY_HELD_OUT, maxBadFraction: 0.1 });
    expect(rows.table.rows).toBe(30);
    expect(rows.bad.examples).toEqual(['row 1: column x: not a number ("unknown")']);
  });

  test("can start with a byte order mark and contain comments", async () => {
    const bom = await read(await file("\ufeffprix,é\n1,a\n2,b\n"), ["prix", "é"], RARELY_HELD_OUT);
    expect(numbers(bom, "prix")).toEqual([1, 2]);
    expect(texts(bom, "é")).toEqual(["a", "b"]);
    const content = `# made by hand\n# twice\nx,c\n${Array.from({ length: 20 }, (_, i) => `${i},a${i}\n`).join("")}`;
    const commented = await read(await file(content), ["x", "c"], RARELY_HELD_OUT);
    expect(numbers(commented, "x")).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("can have columns with the names that the generated SQL uses", async () => {
    const name = await file("r,k,h,bad,c0,v0,e,source\n1,2,3,4,5,6,7,8\n");
    const rows = await read(name, ["r", "k", "h", "bad", "c0", "v0", "e", "source"], { ...RARELY_HELD_OUT, key: "k" });
    expect(["r", "k", "h", "bad", "c0", "v0", "e", "source"].map((column) => numbers(rows, column)[0])).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test("is not read after it was replaced by a file with a different column order", async () => {
    const name = await file("x,y\n1,10\n2,20\n");
    await opened(name, RARELY_HELD_OUT, async (source) => {
      expect(numbers(await source.trainingRows(["x"]), "x")).toEqual([1, 2]);
      await writeFile(pathOf(name), "y,x\n10,1\n20,2\n30,3\n");
      expect(await failureOf(source.trainingRows(["x"]))).toBe(
        `failed-precondition: ${name}: the columns changed since the file was opened (now the same in another order); restart the service`,
      );
      await writeFile(pathOf(name), "x,y\n1,10\n2,20\n3,30\n");
      expect(numbers(await source.trainingRows(["x"]), "x")).toEqual([1, 2, 3]);
    });
  });

  test("supports concurrent reads", async () => {
    const name = await file(table(5000));
    await opened(name, {}, async (source) => {
      const [training, heldOut, again] = await Promise.all([
        source.trainingRows(["x"]),
        source.heldOutRows(["x"]),
        source.trainingRows(["x"]),
      ]);
      expect(training.table.rows + heldOut.table.rows).toBe(5000);
      expect(again.fingerprint).toBe(training.fingerprint);
      expect(heldOut.fingerprint).not.toBe(training.fingerprint);
    });
  });

  test("returns the first rows up to a limit", async () => {
    const name = await file(table(5000));
    await opened(name, {}, async (source) => {
      const all = numbers(await source.trainingRows(["id"]), "id");
      expect(numbers(await source.trainingRows(["id"], { limit: 10 }), "id")).toEqual(all.slice(0, 10));
    });
  });

  test("writes nothing to the temporary folder if memory suffices", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "uncouple-tmp-"));
    vi.stubEnv("TMPDIR", temporary);
    try {
      const name = await file(table(10));
      await opened(name, RARELY_HELD_OUT, async (source) => {
        await source.trainingRows(["x"]);
        expect(await readdir(temporary)).toEqual([]);
      });
      expect(await readdir(temporary)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await rm(temporary, { recursive: true });
    }
  });
});

describe("a Parquet file", () => {
  async function parquet(select: string): Promise<string> {
    const name = await file("", "parquet");
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(`COPY (${select}) TO '${pathOf(name)}' (FORMAT parquet)`);
    connection.disconnectSync();
    instance.closeSync();
    return name;
  }

  test("has numbers of all types, text, booleans, enums and vectors", async () => {
    const name = await parquet(
      `SELECT range AS i, (range / 2)::DECIMAL(8, 2) AS d, range::FLOAT AS f, range % 2 = 0 AS even,
         ['lo', 'hi'][1 + range % 2]::ENUM('lo', 'hi') AS e, [range, range + 0.5]::DOUBLE[] AS list,
         [range, 1, 2]::FLOAT[3] AS vector, DATE '2024-01-01' AS day FROM range(3)`,
    );
    await opened(name, RARELY_HELD_OUT, async (source) => {
      expect((await source.schema()).map((column) => `${column.name}:${column.kind}:${column.width}`)).toEqual([
        "i:numeric:1",
        "d:numeric:1",
        "f:numeric:1",
        "even:categorical:1",
        "e:categorical:1",
        "list:numeric:2",
        "vector:numeric:3",
      ]);
      const rows = await source.trainingRows(["i", "d", "even", "e", "list", "vector"]);
      expect(numbers(rows, "d")).toEqual([0, 0.5, 1]);
      expect(texts(rows, "even")).toEqual(["true", "false", "true"]);
      expect(texts(rows, "e")).toEqual(["lo", "hi", "lo"]);
      expect(numbers(rows, "list")).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
      expect(numbers(rows, "vector")).toEqual([0, 1, 2, 1, 1, 2, 2, 1, 2]);
      expect(await failureOf(source.trainingRows(["day"]))).toBe(
        'invalid-argument: column "day" has the unsupported type DATE; convert it in data.query to a number, boolean, string or list of numbers, for example with epoch("day")',
      );
    });
  });

  test("reports vectors with a different length, nulls or infinities as bad rows", async () => {
    const name = await parquet(
      "SELECT unnest([[1.0, 2.0], [1.0], NULL, [1.0, NULL], ['inf'::DOUBLE, 1.0], [3.0, 4.0]]::DOUBLE[][]) AS v",
    );
    const rows = await read(name, ["v"], { ...RARELY_HELD_OUT, maxBadFraction: 0.9 });
    expect(numbers(rows, "v")).toEqual([1, 2, 3, 4]);
    expect(rows.bad.examples).toEqual([
      "row 2: column v: has 1 values instead of 2",
      "row 3: column v: missing",
      'row 4: column v: not all finite numbers ("[1.0, NULL]")',
      'row 5: column v: not all finite numbers ("[inf, 1.0]")',
    ]);
  });

  test("returns more rows than one chunk complete and in order", async () => {
    const name = await parquet(
      "SELECT range AS i, [range, -range]::FLOAT[] AS v, range::VARCHAR AS t FROM range(10000)",
    );
    const rows = await read(name, ["i", "v", "t"], RARELY_HELD_OUT);
    expect(numbers(rows, "i")).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(numbers(rows, "v").at(-1)).toBe(-9999);
    expect(texts(rows, "t").at(-1)).toBe("9999");
  });

  test("is rejected if only its name says Parquet, or if it is truncated", async () => {
    const name = await file("a,b\n1,2\n", "parquet");
    expect(await failureOf(read(name, ["a"]))).toBe(`invalid-argument: data.path: ${name} is not a valid Parquet file`);
    const cut = await file("PAR1 and then nothing", "parquet");
    expect(await failureOf(read(cut, ["a"]))).toContain(`invalid-argument: ${cut}: `);
  });
});

describe("a query", () => {
  const source = () => file("id,price,n\n1,2.5,4\n2,1.5,2\n3,0.5,8\n");

  test("computes columns from the typed table `source`", async () => {
    const query =
      "SELECT id, price * n AS total, [price, n] AS both, CAST(id AS VARCHAR) AS name FROM source WHERE price > 1 -- done";
    const rows = await read(await source(), ["total", "both", "name"], { query, ...RARELY_HELD_OUT });
    expect(numbers(rows, "total")).toEqual([10, 3]);
    expect(numbers(rows, "both")).toEqual([2.5, 4, 1.5, 2]);
    expect(texts(rows, "name")).toEqual(["1", "2"]);
  });

  test("sees dates in the format of the file, and null for a fraction in an integer column", async () => {
    const whole = Array.from({ length: 21_000 }, (_, i) => `25/12/2024,${i}\n`).join("");
    const name = await file(`day,n\n${whole}26/12/2024,1.5\n`);
    const query = "SELECT month(day) AS m, n FROM source";
    const rows = await read(name, ["m", "n"], { query, ...RARELY_HELD_OUT, maxBadFraction: 0.1 });
    expect(numbers(rows, "m")[0]).toBe(12);
    expect(rows.bad.examples).toEqual(["row 21001: column n: missing"]);
  });

  test.each([
    ["SELECT n, max(price) AS x FROM source GROUP BY n", "groups rows"],
    ["SELECT DISTINCT n AS x FROM source", "groups rows"],
    ["SELECT price AS x FROM source ORDER BY price", "sorts rows"],
    ["SELECT a.price AS x FROM source a JOIN source b USING (id)", "joins rows"],
    ["SELECT sum(price) OVER (PARTITION BY n) AS x FROM source", "has window functions"],
  ])("requires a key if its row order is not stable: %s", async (query, why) => {
    const name = await source();
    expect(await failureOf(read(name, ["x"], { query }))).toContain(`invalid-argument: data.query: the query ${why}`);
    const keyed = query
      .replace("SELECT DISTINCT n", "SELECT DISTINCT id, n")
      .replace(/SELECT (?!DISTINCT)/, "SELECT 7 AS id, ");
    expect((await read(name, ["x"], { query: keyed, key: "id", ...RARELY_HELD_OUT })).table.rows).toBeGreaterThan(0);
  });

  test.each([
    "SELECT price AS x FROM source WHERE n IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)",
    "SELECT unnest([price, n]) AS x FROM source",
    "WITH cheap AS (SELECT * FROM source WHERE price < 2) SELECT price AS x FROM cheap LIMIT 2",
  ])("requires no key if it keeps the row order of the file: %s", async (query) => {
    expect((await read(await source(), ["x"], { query, ...RARELY_HELD_OUT })).table.rows).toBeGreaterThan(0);
  });

  const refused: readonly (readonly [query: string, why: string])[] = [
    ["DROP VIEW source", 'data.query: must be a SELECT statement, which only reads data: "DROP VIEW source"'],
    ["COPY source TO 'stolen.csv'", "data.query: must be a SELECT"],
    ["SET threads = 1", "data.query: must be a SELECT"],
    ["INSTALL httpfs", "data.query: must be a SELECT"],
    ["SELECT 1; SELECT 2", 'data.query: must be a single statement: "SELECT 1; SELECT 2"'],
    ["SELECT 1) ; DROP VIEW source; --", "data.query: invalid SQL: syntax error"],
    ["  ", "data.query: is empty"],
    ["SELEC 1", "data.query: invalid SQL: syntax error"],
    [
      "SELECT prise FROM source",
      'data.query: Referenced column "prise" not found in FROM clause! Candidate bindings: "price"',
    ],
    ["SELECT id FROM sauce", "data.query: Table with name sauce does not exist!"],
    ["SELECT * FROM read_csv('/etc/passwd')", "data.query: Cannot access file"],
    ["SELECT * FROM read_text('/etc/passwd')", "data.query: Cannot access file"],
  ];

  test.each(refused)("is rejected: %s", async (query, why) => {
    const message = await failureOf(read(await source(), ["id"], { query }));
    expect(message).toContain("invalid-argument: ");
    expect(message).toContain(why);
  });
});

describe("an invalid data file", () => {
  test("is missing, an empty folder, empty, or binary", async () => {
    expect(await failureOf(read("nowhere.csv", ["x"]))).toBe(
      "not-found: data.path: file not found or not readable: nowhere.csv",
    );
    await mkdir(pathOf("sub"), { recursive: true });
    expect(await failureOf(read("sub", ["x"]))).toBe(
      "not-found: data.path: sub has no files of rows (CSV, JSON lines, Parquet)",
    );
    const empty = await file("");
    expect(await failureOf(read(empty, ["x"]))).toBe(`invalid-argument: data.path: ${empty} is empty`);
    const junk = await file(Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256)));
    expect(await failureOf(read(junk, ["x"]))).toContain(`invalid-argument: data.path: ${junk} is a binary file`);
  });

  test("is JSON, but not JSON lines", async () => {
    await writeFile(pathOf("rows.json"), '[{"x": 1},\n{"x": 2}]');
    expect(await failureOf(read("rows.json", ["x"]))).toBe(
      "invalid-argument: data.path: rows.json is a JSON array; write one object per line instead",
    );
  });

  test("has a header without rows, or lacks a requested column", async () => {
    const header = await file("x,y\n");
    const none = `invalid-argument: data.path: ${header} has no rows after its header`;
    expect(await failureOf(read(header, ["x"]))).toBe(none);
    expect(await failureOf(read(header, ["x"], { query: "SELECT * FROM source" }))).toBe(none);
    const name = await file(table(5));
    expect(await failureOf(read(name, ["y"]))).toBe(
      'invalid-argument: unknown column "y"; did you mean "x"? (available: id, x)',
    );
  });

  test("has an unterminated quote or invalid UTF-8, reported with its line", async () => {
    const quote = await file('id,x\n1,"open\n2,3\n');
    expect(await failureOf(read(quote, ["id"]))).toContain("line 2: Value with unterminated quote found");
    const latin = await file(Buffer.from("a,b\n1,ok\n2,caf\xe9\n3,ok\n", "latin1"));
    const message = await failureOf(read(latin, ["b"]));
    expect(message).toContain("line 3");
    expect(message).toMatch(/UTF-8|utf-8/);
  });

  test("is damaged beyond its first rows: nothing of it is used", async () => {
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    const name = await file("", "parquet");
    await connection.run(
      `COPY (SELECT i AS id, random() AS x FROM range(200000) t(i)) TO '${pathOf(name)}' (ROW_GROUP_SIZE 20000)`,
    );
    connection.disconnectSync();
    const bytes = await readFile(pathOf(name));
    await writeFile(pathOf(name), bytes.fill(7, 1_000_000, 1_010_000));
    expect(await failureOf(read(name, ["id", "x"]))).toMatch(/^invalid-argument: data-\d+\.parquet: \w/);
  });
});
