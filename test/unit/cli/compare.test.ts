import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../../helpers/cli.ts";
import { drawRows, rowKind } from "../../helpers/loss-rows.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-compare-"));
  const rows = 1200;
  const { differences } = drawRows(rowKind("independent, normal"), rows, 1);
  const { differences: others } = drawRows(rowKind("independent, normal"), rows, 2);
  const lines = Array.from({ length: rows }, (_, row) => {
    const current = 10 + (others[row] as number);
    const better = current - 0.3 + 0.5 * (differences[row] as number);
    // The same, but on one device far worse.
    const mixed = better + (row % 3 === 0 ? 1 : 0);
    const same = current + 1e-4 * (differences[row] as number);
    return [
      current,
      better,
      mixed,
      same,
      row % 5 === 0 ? 1 : 0,
      row % 4 === 0 ? 1 : 0,
      `u${row % 60}`,
      ["tv", "web", "app"][row % 3],
    ];
  });
  const head = "current,better,mixed,same,old error,new error,user,device";
  await writeFile(join(dir, "losses.csv"), `${[head, ...lines.map((line) => line.join(","))].join("\n")}\n`);
  await writeFile(join(dir, "bad.csv"), "a,b,user\n1,2,x\n1,n/a,y\n2,,z\n");
  await writeFile(join(dir, "few.csv"), `a,b\n${"1,2\n2,1\n".repeat(5)}`);
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  await connection.run(`COPY (FROM '${join(dir, "losses.csv")}') TO '${join(dir, "losses.parquet")}'`);
  connection.closeSync();
});
afterAll(() => rm(dir, { recursive: true }));

const compare = (...args: string[]) => cli(["compare", ...args], { cwd: dir });
const json = async (...args: string[]) => JSON.parse((await compare(...args, "--json")).stdout);

describe("uncouple compare", () => {
  test("says what changed, how much, and how it knows", async () => {
    const { code, stdout } = await compare("losses.csv", "--current", "current", "--candidate", "better");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^better {2}improved: loss 10\.0 -> 9\.7\d, -3\.\d+ % \[-3\.\d+, -2\.\d+\]$/m);
    expect(stdout).toMatch(/harm 0\.0\d+, gain 0\.40 per row; the worst 1 % of rows change by \+/);
    expect(stdout).toContain("1,200 rows; 95 % bootstrap-t intervals");
  });

  test("prints JSON, the same for CSV and Parquet", async () => {
    const args = ["--current", "current", "--candidate", "better", "--group", "user"];
    const result = await json("losses.csv", ...args);
    expect(result).toMatchObject({ rows: 1200, groups: 60, method: "bootstrap-t", level: 0.95, bound: null });
    const [only] = result.results;
    expect(only).toMatchObject({ candidate: "better", kind: "improved" });
    expect(only.relative).toBeCloseTo(only.difference / only.currentLoss, 12);
    expect(only.low).toBeLessThan(only.difference);
    expect(only.high).toBeLessThan(0);
    for (const name of ["skewness", "detectable", "rowsNeeded"]) expect(only[name]).toEqual(expect.any(Number));
    expect(await json("losses.parquet", ...args)).toEqual(result);
  });

  test("compares slices, and names the worst", async () => {
    const args = ["--current", "current", "--candidate", "mixed", "--slice", "device"];
    const { stdout } = await compare("losses.csv", ...args);
    expect(stdout).toContain("worst slice device=tv: degraded");
    expect(stdout).toMatch(/device=web +400 +improved/);
    const [{ slices }] = (await json("losses.csv", ...args)).results;
    expect(slices.worst).toMatchObject({ column: "device", value: "tv", kind: "degraded", rows: 400 });
  });

  test("calls a change equivalent that is too small to matter, and says what an undecided one would take", async () => {
    const args = ["losses.csv", "--current", "current", "--candidate", "same"];
    const undecided = await compare(...args);
    expect(undecided.stdout).toMatch(/^same {2}inconclusive/m);
    expect(undecided.stdout).toMatch(/1,200 rows tell apart .* %; the difference seen would need [\d,]+/);
    const { stdout } = await compare(...args, "--minimum-effect", "0.5 %");
    expect(stdout).toMatch(/^same {2}equivalent/m);
    expect(stdout).toContain("all of the interval lies within 0.50 % of the current loss");
  });

  test("counts negative flips where losses are 0 and 1", async () => {
    const [result] = (await json("losses.csv", "--current", "old error", "--candidate", "new error")).results;
    // Rows that are multiples of 4, but not of 20.
    expect(result.negativeFlips).toMatchObject({ count: 240, rate: 0.2 });
  });

  test("widens the intervals of several candidates, so that they hold together", async () => {
    const alone = await json("losses.csv", "--current", "current", "--candidate", "better");
    const many = await json("losses.csv", "--current", "current", "--candidate", "better", "mixed", "same");
    const width = (result: { low: number; high: number }) => result.high - result.low;
    expect(width(many.results[0])).toBeGreaterThan(1.1 * width(alone.results[0]));
    const high = await json("losses.csv", "--current", "current", "--candidate", "better", "--level", "99.9%");
    expect(high.method).toBe("hall");
  });

  test("exits with 22 for the kinds that --fail-on names", async () => {
    const args = ["losses.csv", "--current", "current", "--candidate", "better", "--fail-on"];
    expect((await compare(...args, "degraded,inconclusive")).code).toBe(0);
    const failed = await compare(...args, "improved");
    expect(failed.code).toBe(22);
    expect(failed.stdout).toContain("improved");
  });

  test("says that rows or groups are too few", async () => {
    const few = await compare("few.csv", "--current", "a", "--candidate", "b");
    expect(few.stdout).toContain("too few rows: 10; at least 30 are needed");
    const { stdout } = await compare(
      "losses.csv",
      "--current",
      "current",
      "--candidate",
      "better",
      "--group",
      "device",
    );
    expect(stdout).toContain("too few groups: 3; at least 30 are needed");
  });

  test("limits losses where asked", async () => {
    const result = await json("losses.csv", "--current", "current", "--candidate", "mixed", "--loss-limit", "90%");
    expect(result.bound).toBeGreaterThan(11);
    expect(result.bound).toBeLessThan(12);
    const [limited] = result.results;

    // Harm is that of the losses as they are.
    const [whole] = (await json("losses.csv", "--current", "current", "--candidate", "mixed")).results;
    expect(limited.worst).toBe(whole.worst);
    expect(limited.currentLoss).toBeLessThan(whole.currentLoss - 0.02);
  });

  test.each([
    [["losses.csv", "--candidate", "better"], /required option '--current <column>' not specified/],
    [["losses.csv", "--current", "current", "--candidate", "bettr"], /unknown column "bettr"; did you mean "better"\?/],
    [["losses.csv", "--current", "current", "--candidate", "user"], /row 1: column user: not a finite number \("u0"\)/],
    [
      ["bad.csv", "--current", "a", "--candidate", "b"],
      /row 2: column b: not a finite number .*; row 3: column b: missing/,
    ],
    [["losses.csv", "--current", "current", "--candidate", "same", "--minimum-effect", "0.5"], /Expected a percentage/],
    [["losses.csv", "--current", "current", "--candidate", "same", "--level", "95"], /Expected a confidence level/],
    [["losses.csv", "--current", "current", "--candidate", "same", "--fail-on", "worse"], /not "worse"/],
    [
      ["losses.csv", "--current", "current", "--candidate", "same", "--slice", "current"],
      /column "current" is a loss, so it cannot/,
    ],
    [["losses.csv", "--current", "current", "--candidate", "same", "--slice", "better"], /1200 values; slices need/],
    [
      ["losses.csv", "--current", "current", "--candidate", "same", "--group", "user", "device", "mixed"],
      /--group takes one column, or two that cross/,
    ],
  ])("refuses %j", async (args, message) => {
    const { code, stderr, stdout } = await compare(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
  });

  test("reports a missing file", async () => {
    const { code, stderr } = await compare("nowhere.csv", "--current", "a", "--candidate", "b");
    expect(code).toBe(3);
    expect(stderr).toContain("file not found or not readable");
  });
});
