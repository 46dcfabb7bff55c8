import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { checkPipelineAgainstData } from "../../../services/data/check-pipeline.ts";
import { openBothSides } from "../../../services/data/open-both-sides.ts";
import { openPipelineData } from "../../../services/data/read-pipeline.ts";
import type { DataAccess } from "../../../services/data/source/data-access.ts";
import { checkEvaluatorWall, checkTrainerWall } from "../../../services/data/wall.ts";
import type { DataReader } from "../../../services/pipeline/data-reader.ts";
import { type ParsedPipeline, parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../services/pipeline/files/problem.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wall-test-"));
  await write("rows.csv", ["id,a,b,z,y", ...lines(0, 200)]);
  await write("held-out.csv", ["id,a,b,z,y", ...lines(1000, 100)]);
  await write("m2.csv", [
    "id,a,b,y",
    ...lines(0, 200).map((line) =>
      line
        .split(",")
        .filter((_, i) => i !== 3)
        .join(","),
    ),
  ]);
  await write("overlapping.csv", ["id,a,b,z,y", ...lines(190, 60)]);
  await write("other-columns.csv", [
    "id,a,b,zz",
    ...lines(2000, 60).map((line) => line.split(",").slice(0, 4).join(",")),
  ]);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const lines = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => `k${from + i},${i},${2 * i},${3 * i},${4 * i}`);
const write = (name: string, text: readonly string[]) => writeFile(join(folder, name), `${text.join("\n")}\n`);

const DATABASE = "source: database, url_env: NO_SUCH_DB, table: clicks";
const pipelineOf = (data: string, view = ""): ParsedPipeline => {
  const text = `pipeline: p
data: { key: id, ${data} }
components:
  m1: { columns: [a], output: { name: o }, target: z }
  m2: { columns: [b], upstream: [m1], output: { name: p }, target: y${view} }
`;
  const parsed = parsePipelineFile(text, "p.yaml");
  if ("problems" in parsed) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed;
};

const path = () => join(folder, "p.yaml");
function accessWith(env: Readonly<Record<string, string>> = {}): DataAccess & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return { env, clock: systemClock, warnings, warn: (message) => warnings.push(message) };
}
const open = async (parsed: ParsedPipeline, reader: DataReader) =>
  (await openPipelineData(parsed, path(), accessWith(), reader)).source;

const APART = "source: file, path: rows.csv, held_out: { path: held-out.csv }";

describe("rows with a place for the held-out ones", () => {
  test("all of data are training rows, and all there are held out", async () => {
    const parsed = pipelineOf(APART);
    const training = await open(parsed, { trainer: "m1" });
    expect((await training.trainingRows(["a"])).table.rows).toBe(200);
    await expect(training.heldOutRows(["a"])).rejects.toThrow("has no held-out rows");
    const fit = await training.trainingRows(["a"], { part: { side: "fit", share: 0.5 } });
    const validation = await training.trainingRows(["a"], { part: { side: "validation", share: 0.5 } });
    expect(fit.table.rows + validation.table.rows).toBe(200);
    expect(validation.table.rows).toBeGreaterThan(50);
    await training.close();
    const held = await open(parsed, "evaluator");
    const rows = await held.heldOutRows(["a"], ["id"]);
    expect(rows.table.rows).toBe(100);
    expect(rows.labels.id?.dictionary[0]).toBe("k1000");
    expect(rows.boundary).toBeUndefined();
    await held.close();
  });

  test("count malformed and mistyped ones on their own side", async () => {
    await write("bad.csv", ["id,a,b,z,y", ...lines(0, 60), "k60,oops,1,1,1", ",1,1,1,1"]);
    const held = await open(
      pipelineOf("source: file, path: rows.csv, max_bad_fraction: 0.1, held_out: { path: bad.csv }"),
      "evaluator",
    );
    const { bad, table } = await held.heldOutRows(["a"]);
    expect({ rows: table.rows, ...bad }).toMatchObject({ rows: 60, total: 62, bad: 2 });
    await held.close();
  });

  test("a command that compares both sides reads both", async () => {
    const source = await openBothSides(pipelineOf(APART), path(), accessWith(), "m2");
    expect((await source.trainingRows(["b", "y"])).table.rows).toBe(200);
    expect((await source.heldOutRows(["b", "y"])).table.rows).toBe(100);
    await source.close();
  });

  test("nobody opens what it does not read", async () => {
    const away = "source: file, path: rows.csv, held_out: { source: database, url_env: EVAL_DB, table: held_out }";
    await (await open(pipelineOf(away), { trainer: "m1" })).close();
    await expect(open(pipelineOf(away), "evaluator")).rejects.toThrow(
      "data.held_out.url_env: the environment variable EVAL_DB is not set",
    );
    const view = pipelineOf(APART, ", data: { source: database, url_env: M2_DB, table: m2_view }");
    await (await open(view, "evaluator")).close();
    await (await open(view, { trainer: "m1" })).close();
    await expect(open(view, { trainer: "m2" })).rejects.toThrow(
      "components.m2.data.url_env: the environment variable M2_DB",
    );
    // Nor the place of all columns.
    const own = pipelineOf(`${DATABASE}, held_out: { path: held-out.csv }`, ", data: { path: m2.csv }");
    await (await open(own, { trainer: "m2" })).close();
  });
});

test("the place of a component needs the columns that it reads, and no others", async () => {
  const source = await open(pipelineOf(APART, ", data: { path: m2.csv }"), { trainer: "m2" });
  expect((await source.schema()).map(({ name }) => name)).toEqual(["id", "a", "b", "y"]);
  await source.close();
  await write("narrow.csv", ["id,b,y", "k1,1,1"]);
  await expect(open(pipelineOf(APART, ", data: { path: narrow.csv }"), { trainer: "m2" })).rejects.toThrow(
    'p.yaml:4: components.m1.columns[0]: components.m2.data has no column "a"; available: id, b, y',
  );
});

describe("validate", () => {
  const check = async (parsed: ParsedPipeline, access = accessWith()) => ({
    problems: (await checkPipelineAgainstData(parsed, path(), access)).map(formatProblem),
    warnings: access.warnings,
  });

  test("checks every place", async () => {
    expect(await check(pipelineOf(APART, ", data: { path: m2.csv }"))).toEqual({ problems: [], warnings: [] });
    expect(
      (await check(pipelineOf("source: file, path: rows.csv, held_out: { path: other-columns.csv }"))).problems,
    ).toEqual([
      'p.yaml:4: components.m1.target: data.held_out has no column "z"; available: id, a, b, zz; did you mean "a"?',
      'p.yaml:5: components.m2.target: data.held_out has no column "y"; available: id, a, b, zz; did you mean "a"?',
    ]);
    expect((await check(pipelineOf(APART, ", data: { path: nowhere.csv }"))).problems).toEqual([
      `p.yaml:5: components.m2.data.path: file not found or not readable: ${join(folder, "nowhere.csv")}`,
    ]);
    expect((await check(pipelineOf("source: file, path: rows.csv, held_out: { path: nowhere.csv }"))).problems).toEqual(
      [`p.yaml:2: data.held_out.path: file not found or not readable: ${join(folder, "nowhere.csv")}`],
    );
  });

  test("finds columns whose kind differs between places", async () => {
    await write("texts.csv", ["id,a,b,z,y", ...lines(3000, 50).map((line) => line.replace(/,/, ",n"))]);
    expect(
      (await check(pipelineOf("source: file, path: texts.csv, held_out: { path: held-out.csv }"))).problems,
    ).toEqual([
      'p.yaml:2: data: "a" is categorical of width 1, but numeric of width 1 in data.held_out; convert it in a query or view',
    ]);
  });

  test("finds held-out rows among the training rows", async () => {
    expect(
      (await check(pipelineOf("source: file, path: rows.csv, held_out: { path: overlapping.csv }"))).problems,
    ).toEqual([
      "p.yaml:2: data.held_out: 10 of 60 compared values of id are in data, too; held-out rows must not be training rows",
    ]);
  });

  test("leaves out places whose credentials are elsewhere, unless all are", async () => {
    const held = "held_out: { source: database, url_env: EVAL_DB, table: t }";
    const variable = (name: string) =>
      `the environment variable ${name} is not set; it must have the URL of the database`;
    expect(await check(pipelineOf(`source: file, path: rows.csv, ${held}`))).toEqual({
      problems: [],
      warnings: [`not checked: data.held_out.url_env: ${variable("EVAL_DB")}`],
    });
    expect((await check(pipelineOf(`${DATABASE}, ${held}`))).problems).toEqual([
      `p.yaml:2: data.held_out.url_env: ${variable("EVAL_DB")}`,
      `p.yaml:2: data.url_env: ${variable("NO_SUCH_DB")}`,
    ]);
    expect(await check(pipelineOf(DATABASE))).toEqual({
      problems: [`p.yaml:2: data.url_env: ${variable("NO_SUCH_DB")}`],
      warnings: [],
    });
  });
});

describe("doctor", () => {
  const states = async (parsed: ParsedPipeline, component: string, env = {}) =>
    Object.fromEntries(
      (await checkTrainerWall(parsed, path(), accessWith(env), component)).map(({ place, state, detail }) => [
        place,
        `${state}: ${detail.replaceAll(`${folder}/`, "")}`,
      ]),
    );

  test("fails if a trainer can read held-out rows, or columns that it may not see", async () => {
    expect(await states(pipelineOf(APART), "m2")).toEqual({
      data: "unenforced: has columns that m2 may not see: z; only this process withholds them",
      "data.held_out": "leak: held-out rows can be read with the credentials here",
    });
    expect(await states(pipelineOf(APART, ", data: { path: overlapping.csv }"), "m2")).toMatchObject({
      "components.m2.data": "leak: has columns that m2 may not see: z",
      data: "leak: rows with columns that m2 may not see can be read with the credentials here",
    });
    expect(await states(pipelineOf("source: file, path: rows.csv"), "m2")).toMatchObject({
      "held-out rows": expect.stringContaining("unenforced: "),
    });
  });

  test("passes if they are out of reach", async () => {
    const parsed = pipelineOf(
      `${DATABASE}, held_out: { url_env: EVAL_DB, table: held_out }`,
      ", data: { path: m2.csv }",
    );
    expect(await states(parsed, "m2")).toEqual({
      "components.m2.data": "sound: has only columns that m2 may see",
      data: expect.stringMatching(/^sound: cannot be read: .*NO_SUCH_DB is not set/),
      "data.held_out": expect.stringMatching(/^sound: cannot be read: .*EVAL_DB is not set.*NO_SUCH_DB is not set/),
    });
    expect(
      (await states(pipelineOf("source: file, path: rows.csv, held_out: { path: nowhere.csv }"), "m2"))[
        "data.held_out"
      ],
    ).toMatch(/^sound: cannot be read: .*nowhere.csv/);
  });

  test("says when the trainer's own rows cannot be read, and what an evaluator can", async () => {
    expect(await states(pipelineOf(APART, ", data: { path: nowhere.csv }"), "m2")).toMatchObject({
      "components.m2.data":
        "broken: cannot be read: components.m2.data.path: file not found or not readable: nowhere.csv",
    });
    expect(await checkEvaluatorWall(pipelineOf(APART), path(), accessWith())).toEqual([
      { place: "data.held_out", state: "sound", detail: "can be read" },
    ]);
    await expect(states(pipelineOf(APART), "m3")).rejects.toThrow('no component "m3"');
  });
});
