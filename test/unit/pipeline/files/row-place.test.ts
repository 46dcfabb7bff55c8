import { describe, expect, test } from "vitest";
import { sourceFor } from "../../../../services/pipeline/data-reader.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { changesBetween, classOf } from "../../../../services/pipeline/pipeline-changes.ts";
import { contentOf, digestOf } from "../../../../services/pipeline/pipeline-content.ts";

const FILE = "source: file, path: rows.csv, key: id";
const DATABASE = "source: database, url_env: ADS_DB, table: clicks, key: id";

const parse = (data: string, view = "", more = "") =>
  parsePipelineFile(
    `pipeline: p\n${more}data: { ${data} }\ncomponents:\n  m1: { columns: [x], output: { name: y }, target: t${view} }\n`,
    "p.yaml",
  );

function parsed(data: string, view?: string) {
  const result = parse(data, view);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.pipeline;
}

const problems = (data: string, view?: string, more?: string) => {
  const result = parse(data, view, more);
  return "problems" in result ? result.problems.map(formatProblem) : [];
};

describe("data.held_out", () => {
  test("is another place of rows: all of data are training rows, and all there are held out", () => {
    const pipeline = parsed(`${FILE}, group: user, held_out: { path: "s3://bucket/held-out/", format: parquet }`);
    expect(pipeline.data).toEqual({
      source: "file",
      path: "rows.csv",
      key: "id",
      group: ["user"],
      maxBadFraction: 0.01,
      heldOut: { source: "file", path: "s3://bucket/held-out/", format: "parquet" },
    });
    expect(sourceFor(pipeline, { trainer: "m1" })).toEqual({ spec: pipeline.data, setting: "data" });
    expect(sourceFor(pipeline, "evaluator")).toEqual({
      spec: {
        source: "file",
        path: "s3://bucket/held-out/",
        format: "parquet",
        key: "id",
        group: ["user"],
        maxBadFraction: 0.01,
        heldOut: "all",
      },
      setting: "data.held_out",
    });
  });

  test("of a database has the URL of data, unless it names its own", () => {
    const urlOf = (heldOut: string) => {
      const { spec } = sourceFor(parsed(`${DATABASE}, held_out: { ${heldOut} }`), "evaluator");
      return spec.source === "database" ? spec.url : spec;
    };
    expect(urlOf("table: held_out.clicks")).toEqual({ env: "ADS_DB" });
    expect(urlOf("table: held_out.clicks, url_env: EVAL_DB")).toEqual({ env: "EVAL_DB" });
    expect(urlOf("query: SELECT 1 AS id, url_file: /run/secrets/url")).toEqual({ file: "/run/secrets/url" });
  });

  test("is part of the digest without the places, and setting it is a breaking change", () => {
    const content = (data: string, view?: string) => contentOf(parsed(data, view));
    const apart = content(`${DATABASE}, held_out: { table: t2, url_env: A }`);
    expect(digestOf(content(`${DATABASE}, held_out: { table: t2, url_env: B }`))).toBe(digestOf(apart));
    expect(digestOf(content(`${DATABASE}, held_out: { table: t3 }`))).not.toBe(digestOf(apart));
    expect(classOf(changesBetween(content(DATABASE), apart))).toBe("breaking");
    // A view is a place of the same rows.
    expect(digestOf(content(DATABASE, ", data: { table: m1_view }"))).toBe(digestOf(content(DATABASE)));
  });

  test("repeats of data what is the same everywhere, or leaves it out", () => {
    expect(problems(`${FILE}, group: [user, shop], held_out: { path: b.csv, key: id, group: [user, shop] }`)).toEqual(
      [],
    );
    expect(problems(`${FILE}, held_out: { path: b.csv, max_bad_fraction: 0.01, expose_keys: false }`)).toEqual([]);
  });
});

test("a component reads its own place, split as data is", () => {
  const view = (data: string, place: string) => sourceFor(parsed(data, `, data: { ${place} }`), { trainer: "m1" });
  expect(view(`${FILE}, test_fraction: 0.3`, "path: m1/")).toEqual({
    spec: { source: "file", path: "m1/", key: "id", maxBadFraction: 0.01, testFraction: 0.3 },
    setting: "components.m1.data",
  });
  expect(view(`${DATABASE}, held_out: { path: held-out.csv }`, "table: m1_view, url_env: M1_DB").spec).toEqual({
    source: "database",
    url: { env: "M1_DB" },
    table: "m1_view",
    key: "id",
    maxBadFraction: 0.01,
    heldOut: { source: "file", path: "held-out.csv" },
  });
  const pipeline = parsed(DATABASE, ", data: { table: m1_view }");
  expect(sourceFor(pipeline, "evaluator")).toEqual({ spec: pipeline.data, setting: "data" });
});

describe("wrong places are reported by key", () => {
  const HELD = "p.yaml:2: data.held_out";
  test.each<[string, string, string]>([
    ["no mapping", `${FILE}, held_out: b.csv`, `${HELD}: must be a mapping (key: value), not "b.csv"`],
    [
      "a test fraction",
      `${FILE}, test_fraction: 0.2, held_out: { path: b.csv }`,
      "p.yaml:2: data.test_fraction: data.held_out says which rows are held out; remove one of them",
    ],
    ["no path", `${FILE}, held_out: { format: csv }`, `${HELD}.path: is missing; must be a string`],
    [
      "another source",
      `${FILE}, held_out: { source: kafka }`,
      `${HELD}.source: must be one of file, database, not "kafka"`,
    ],
    [
      "a key of its own",
      `${FILE}, held_out: { path: b.csv, key: row }`,
      `${HELD}.key: must be that of data, or left out`,
    ],
    [
      "a key that data does not have",
      "source: file, path: a.csv, held_out: { path: b.csv, key: row }",
      `${HELD}.key: must be that of data, or left out`,
    ],
    [
      "a group of its own",
      `${FILE}, group: user, held_out: { path: b.csv, group: shop }`,
      `${HELD}.group: must be that of data, or left out`,
    ],
    [
      "an unknown key",
      `${FILE}, held_out: { path: b.csv, split: time }`,
      `${HELD}.split: unknown key; available: source, path, format, query, key, group, max_bad_fraction, expose_keys`,
    ],
    [
      "a database without a URL",
      `${FILE}, held_out: { table: t }`,
      `${HELD}: needs url_env, the environment variable with the URL of the database, or url_file`,
    ],
    [
      "a database without a key",
      "source: file, path: a.csv, held_out: { table: t, url_env: A }",
      `${HELD}: needs data.key, because tables have no order`,
    ],
    [
      "a URL in place of a variable",
      `${DATABASE}, held_out: { table: t, url_env: "postgres://u:secret@h/d" }`,
      `${HELD}.url_env: must be the name of an environment variable, which has the URL: credentials do not belong in this file`,
    ],
    [
      "a table and a query",
      `${DATABASE}, held_out: { table: t, query: SELECT 1 }`,
      `${HELD}.query: table already says which rows are read; remove one of them`,
    ],
    ["neither", `${DATABASE}, held_out: { url_env: A }`, `${HELD}: needs a table or a query`],
    [
      "generated data",
      "source: synthetic, generator: two-stage, rows: 100, held_out: { path: b.csv }",
      `${HELD}: unknown key; available: source, generator, parameters, seed, rows, test_fraction`,
    ],
  ])("%s", (_, data, message) => {
    expect(problems(data)).toEqual([message]);
  });

  test("a split", () => {
    expect(
      problems(`${FILE}, held_out: { path: b.csv }`, "", "split: { by: time, column: day, held_out: 1d }\n"),
    ).toEqual(["p.yaml:2: split: data.held_out says which rows are held out; remove one of them"]);
  });

  test("the data of a component", () => {
    expect(problems(FILE, ", data: { format: csv }")).toEqual([
      "p.yaml:4: components.m1.data.path: is missing; must be a string",
    ]);
    expect(problems("source: synthetic, generator: two-stage, rows: 100", ", data: { path: a.csv }")).toEqual([
      "p.yaml:4: components.m1.data: needs data from files or a database",
    ]);
  });
});
