import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { contentOf, digestOf } from "../../../../services/pipeline/pipeline-content.ts";

const parse = (data: string, more = "") =>
  parsePipelineFile(
    `pipeline: p\ndata: ${data}\ncomponents:\n  m1: { columns: [x], output: { name: y }, target: t }\n${more}`,
    "p.yaml",
  );

function parsed(data: string, more?: string) {
  const result = parse(data, more);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.pipeline;
}

const digest = (data: string) => digestOf(contentOf(parsed(data)));

describe("data in files", () => {
  test("has a path and perhaps a format, which are not part of the digest", () => {
    expect(parsed("{ source: file, path: rows/, format: jsonl, key: id }").data).toEqual({
      source: "file",
      path: "rows/",
      format: "jsonl",
      key: "id",
      testFraction: 0.2,
      maxBadFraction: 0.01,
    });
    expect(digest("{ source: file, path: rows/, format: jsonl, key: id }")).toBe(
      digest("{ source: file, path: s3://bucket/rows.csv, key: id }"),
    );
  });
});

describe("data in a database", () => {
  test("has the place of a URL, a table or query, and a key", () => {
    expect(parsed("{ source: database, url_env: ADS_DB, table: marketing.clicks, key: id }").data).toEqual({
      source: "database",
      url: { env: "ADS_DB" },
      table: "marketing.clicks",
      key: "id",
      testFraction: 0.2,
      maxBadFraction: 0.01,
    });
    const query = parsed("{ source: database, url_file: /run/secrets/url, query: SELECT 1, key: id, group: user }");
    expect(query.data).toMatchObject({ url: { file: "/run/secrets/url" }, query: "SELECT 1", group: ["user"] });
    expect(
      parsed("{ source: database, url_env: A, table: t, key: id }", "split: { by: time, column: day, held_out: 1d }\n")
        .data,
    ).toMatchObject({
      time: { column: "day" },
    });
  });

  test("is the same pipeline wherever the URL comes from, and another one over another table", () => {
    const one = digest("{ source: database, url_env: A, table: t, key: id }");
    expect(digest("{ source: database, url_file: b, table: t, key: id }")).toBe(one);
    expect(digest("{ source: database, url_env: A, table: u, key: id }")).not.toBe(one);
  });
});

describe("wrong data is reported with its place", () => {
  test.each([
    [
      "{ source: database, table: t, key: id }",
      "data: needs url_env, the environment variable with the URL of the database, or url_file",
    ],
    [
      "{ source: database, url_env: A, url_file: b, table: t, key: id }",
      "data.url_file: url_env already says where the URL is; remove one of them",
    ],
    ["{ source: database, url_env: A, key: id }", "data: needs a table or a query"],
    [
      "{ source: database, url_env: A, table: t, query: SELECT 1, key: id }",
      "data.query: table already says which rows are read; remove one of them",
    ],
    ["{ source: database, url_env: A, table: t }", "data.key: is missing; must be a string"],
    [
      "{ source: database, url_env: 'postgres://u:p@h/d', table: t, key: id }",
      "data.url_env: must be the name of an environment variable, which has the URL: credentials do not belong in this file",
    ],
    [
      "{ source: database, url_file: 'mysql://u:p@h/d', table: t, key: id }",
      "data.url_file: must be the path of a file, which has the URL: credentials do not belong in this file",
    ],
    [
      "{ source: database, url: 'postgres://u:p@h/d', table: t, key: id }",
      "data.url: unknown key; available: source, url_env, url_file, table, query, key, group, test_fraction, max_bad_fraction, expose_keys, held_out",
    ],
    ["{ source: database, url_env: A, table: a.b.c, key: id }", "data.table: must be a table, or schema.table"],
    ["{ source: database, url_env: A, table: t, key: id, group: [a, a] }", 'data.group[1]: duplicate entry "a"'],
    [
      "{ source: database, url_env: A, table: t, key: id, path: x.csv }",
      "data.path: unknown key; available: source, url_env",
    ],
    ["{ source: file, path: x.csv, format: xlsx }", "data.format: must be one of csv, jsonl, parquet"],
    ["{ source: file, path: '' }", "data.path: must not be empty"],
    ["{ source: file, path: x.csv, table: t }", "data.table: unknown key; available: source, path, format, query, key"],
    ["{ source: postgres, table: t }", "data.source: must be one of synthetic, file, database"],
  ])("%s", (data, says) => {
    const result = parse(data);
    const problems = "problems" in result ? result.problems.map(formatProblem) : [];
    expect(problems.join("\n")).toContain(`p.yaml:2: ${says}`);
    expect(problems.join("\n")).not.toContain("u:p@h");
  });
});
