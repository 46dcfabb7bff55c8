import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataSource } from "../../../../services/data/open-data-source.ts";
import type { DataSource, Rows } from "../../../../services/data/source/data-source.ts";
import type { FileRows, TimeSplit } from "../../../../services/pipeline/pipeline.ts";

const DAY = 86_400;
/** 2026-01-01, in seconds since 1970. */
const START = Date.UTC(2026, 0, 1) / 1000;
const SPLIT: TimeSplit = { column: "at", heldOut: { seconds: 3 * DAY }, gapSeconds: 2 * DAY };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "time-split-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

let files = 0;

async function csv(lines: readonly string[]): Promise<string> {
  files += 1;
  const name = `rows-${files}.csv`;
  await writeFile(join(folder, name), `id,at\n${lines.map((line) => `${line}\n`.repeat(PER_DAY)).join("")}`);
  return name;
}

/** Rows of each day, all with the same id. */
const PER_DAY = 10;
/** Ids 1 to n, a day apart, in no order, with the time as `text` writes it. */
const days = (n: number, text: (seconds: number) => string) =>
  Array.from({ length: n }, (_, i) => ((i * 7) % n) + 1).map((id) => `${id},${text(START + (id - 1) * DAY)}`);
const isoDay = (seconds: number) => new Date(1000 * seconds).toISOString().slice(0, 10);

async function opened<T>(
  path: string,
  use: (source: DataSource) => Promise<T>,
  time: TimeSplit = SPLIT,
  over: Partial<FileRows> = {},
): Promise<T> {
  const source = await openDataSource({ source: "file", path, maxBadFraction: 0, time, ...over }, folder);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function ids(rows: Rows): number[] {
  const column = rows.table.columns.id;
  if (column?.kind !== "numeric") throw new Error("no numeric column id");
  expect(rows.table.rows % PER_DAY).toBe(0);
  return [...new Set(column.values)].sort((a, b) => a - b);
}

async function sides(source: DataSource, heldOutAfter?: string) {
  const training = await source.trainingRows(["id"], { heldOutAfter });
  const heldOut = await source.heldOutRows(["id"]);
  return { training: ids(training), until: training.boundary, heldOut: ids(heldOut), after: heldOut.boundary };
}

/** Of 30 days, the last three, and those up to two before them. */
const EXPECTED = {
  training: Array.from({ length: 25 }, (_, i) => i + 1),
  until: "2026-01-25T00:00:00.000Z",
  heldOut: [28, 29, 30],
  after: "2026-01-27T00:00:00.000Z",
};

async function failureOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "UncoupleError" });
  const { code, message } = error as { code: string; message: string };
  return `${code}: ${message.replaceAll(`${folder}/`, "")}`;
}

describe("a split by time", () => {
  test.each([
    ["dates", isoDay],
    ["ISO 8601 in UTC", (seconds: number) => new Date(1000 * seconds).toISOString()],
    [
      "ISO 8601 with an offset",
      (seconds: number) => `${new Date(1000 * (seconds + 5.5 * 3600)).toISOString().slice(0, 19)}+05:30`,
    ],
    [
      "ISO 8601 with an offset, in other forms",
      (seconds: number) => {
        const text = new Date(1000 * seconds).toISOString();
        return seconds % (2 * DAY) === 0 ? `${text.slice(0, 16)}Z` : `${text.slice(0, 10)} 00:00:00 +0000`;
      },
    ],
    [
      "ISO 8601 without an offset, which is UTC",
      (seconds: number) => new Date(1000 * seconds).toISOString().slice(0, 19),
    ],
    ["seconds since 1970", String],
  ])("holds out the newest rows and leaves out those in the gap: %s", async (_, text) => {
    await opened(await csv(days(30, text)), async (source) => expect(await sides(source)).toEqual(EXPECTED));
  });

  test("does not depend on the machine's time zone", async () => {
    const zone = process.env.TZ;
    process.env.TZ = "America/New_York";
    try {
      const name = await csv(days(30, (seconds) => new Date(1000 * seconds).toISOString().slice(0, 16)));
      await opened(name, async (source) => expect(await sides(source)).toEqual(EXPECTED));
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  test.each([
    ["DATE", "day"],
    ["TIMESTAMP", "CAST(day AS TIMESTAMP)"],
    ["TIMESTAMP_NS", "CAST(CAST(day AS TIMESTAMP) AS TIMESTAMP_NS)"],
    ["TIMESTAMP WITH TIME ZONE", "to_timestamp(epoch(day))"],
    ["BIGINT", "CAST(epoch(day) AS BIGINT)"],
  ])("reads %s of a Parquet file", async (type, sql) => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const name = `${type.replaceAll(" ", "-")}.parquet`;
    const rows =
      "SELECT i AS id, DATE '2026-01-01' + CAST(i - 1 AS INTEGER) AS day FROM range(1, 31) AS numbers(i), range(10)";
    await connection.run(`COPY (SELECT id, ${sql} AS at FROM (${rows})) TO '${join(folder, name)}' (FORMAT parquet)`);
    connection.disconnectSync();
    instance.closeSync();
    await opened(name, async (source) => expect(await sides(source)).toEqual(EXPECTED));
  });

  test("can hold out a share of the time span", async () => {
    // From day 1 to day 31 are 30 days.
    const time = { ...SPLIT, heldOut: { fraction: 0.2 }, gapSeconds: 0 };
    await opened(
      await csv(days(31, isoDay)),
      async (source) => expect((await sides(source)).heldOut).toEqual([26, 27, 28, 29, 30, 31]),
      time,
    );
  });

  test("moves forward with new rows, but no training row comes from behind an earlier boundary", async () => {
    const later = await csv(days(40, isoDay));
    await opened(later, async (source) => {
      expect((await sides(source)).training.at(-1)).toBe(35);
      const limited = await sides(source, EXPECTED.after);
      expect(limited.training).toEqual(EXPECTED.training);
      expect(limited.until).toBe(EXPECTED.until);
      const audit = await source.auditRows(["id"], ["id"], 25 * PER_DAY, { heldOutAfter: EXPECTED.after });
      expect(ids(audit)).toEqual(EXPECTED.training);
      // An earlier boundary of its own stays.
      expect((await sides(source, "2030-01-01T00:00:00Z")).training.at(-1)).toBe(35);
    });
  });

  test("names the row and the column of a time that it cannot read", async () => {
    const lines = days(30, isoDay).map((line) =>
      line.startsWith("4,") ? "4,soon" : line.startsWith("5,") ? "5," : line,
    );
    const rowOf = (id: string) => PER_DAY * lines.findIndex((line) => line.startsWith(id)) + 1;
    const name = await csv(lines);
    const message = await opened(name, async (source) => failureOf(source.trainingRows(["id"])));
    expect(message).toContain(
      `row ${rowOf("4,")}: column at: not a time in ISO 8601, a date or seconds since 1970 ("soon")`,
    );
    const missing = await csv(lines.map((line) => line.replace("soon", isoDay(START + 3 * DAY))));
    expect(await opened(missing, async (source) => failureOf(source.trainingRows(["id"])))).toContain(
      `row ${rowOf("5,")}: column at: missing`,
    );
    await opened(
      name,
      async (source) => {
        const { training, heldOut } = await sides(source);
        expect(training).toEqual(EXPECTED.training.filter((id) => id !== 4 && id !== 5));
        expect(heldOut).toEqual(EXPECTED.heldOut);
      },
      SPLIT,
      { maxBadFraction: 0.1 },
    );
  });

  test("refuses a column that is missing, of no time, or in milliseconds", async () => {
    const name = await csv(days(30, isoDay));
    const wrong = { ...SPLIT, column: "att" };
    expect(await failureOf(opened(name, (source) => source.trainingRows(["id"]), wrong))).toMatch(
      /^invalid-argument: split\.column: unknown column "att"; available: id, at; did you mean "at"\?$/,
    );
    const words = await csv(["1,a", "2,b"]);
    expect(await failureOf(opened(words, (source) => source.trainingRows(["id"])))).toBe(
      'failed-precondition: split.column: "at" has no time in ISO 8601, no date and no seconds since 1970 in any row',
    );
    const fine = await csv(days(30, (seconds) => String(1000 * seconds)));
    expect(await failureOf(opened(fine, (source) => source.trainingRows(["id"])))).toMatch(
      /^failed-precondition: split\.column: "at" has 17\d+, which is not in seconds since 1970; convert it in data\.query$/,
    );
    const future = await csv([...days(30, isoDay), "31,2099-01-01"]);
    expect(await failureOf(opened(future, (source) => source.trainingRows(["id"])))).toBe(
      'failed-precondition: split.column: "at" leaves 10 rows to hold out, of the 30 that verdicts need: is its last time, 2099-01-01T00:00:00.000Z, right?',
    );
    const flags = await csv(["1,true", "2,false"]);
    expect(await failureOf(opened(flags, (source) => source.trainingRows(["id"])))).toMatch(
      /^invalid-argument: split\.column: "at" has type BOOLEAN; it must be a time/,
    );
  });
});
