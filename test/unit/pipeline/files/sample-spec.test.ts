import { expect, test } from "vitest";
import { protocolCatalog } from "../../../../services/learning/protocols/all.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { checkTeamAgainstPipeline, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";

const parse = (sample: string) =>
  parseTeamFile(`component: click\nmodel: linear\nsample: ${sample}\n`, "team.yaml", protocolCatalog);

function pipelineOf(data: string) {
  const parsed = parsePipelineFile(
    `pipeline: ads
data: { source: file, path: ads.csv${data} }
slices: [region]
components:
  base: { columns: [a, vector], output: { name: b, width: 1, meaning: scalar }, target: secret, loss: mse }
  click: { columns: [price], upstream: [base], output: { name: c, width: 1, meaning: scalar }, target: clicks, loss: mse }
`,
    "pipeline.yaml",
  );
  if ("problems" in parsed) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed.pipeline;
}

function problems(sample: string, data = ", key: id, group: user"): readonly string[] {
  const parsed = parse(sample);
  if ("problems" in parsed) return parsed.problems.map(formatProblem);
  const schema = [
    { name: "price", kind: "numeric", width: 1 },
    { name: "vector", kind: "numeric", width: 3 },
  ] as const;
  return checkTeamAgainstPipeline(parsed, pipelineOf(data), new Set(), schema).map(formatProblem);
}

test("a sample can say everything", () => {
  const parsed = parse(`
  rows: 100000
  by: { stratified: region }
  distinct: true
  at_most: { column: user, rows: 20 }
  near_duplicates: { columns: [price, a], distance: 0.5 }`);
  expect("team" in parsed && parsed.team.sample).toEqual({
    distinct: true,
    nearDuplicates: { columns: ["price", "a"], distance: 0.5 },
    atMost: { column: "user", rows: 20 },
    rows: 100_000,
    stratified: "region",
  });
});

test("by: key is the default, and distinct: false is none", () => {
  const parsed = parse("{ rows: 5, by: key, distinct: false }");
  expect("team" in parsed && parsed.team.sample).toEqual({ rows: 5 });
});

test("a sample may name what the team sees, and what the pipeline file names for all teams", () => {
  for (const column of ["price", "a", "vector", "clicks", "id", "user", "region"]) {
    expect(problems(`{ rows: 5, by: { stratified: ${column} }, at_most: { column: ${column}, rows: 2 } }`)).toEqual([]);
  }
  // The target of another team.
  expect(problems("{ at_most: { column: secret, rows: 2 } }")).toEqual([
    'team.yaml:3: sample.at_most.column: click may not use a column "secret" for this; available: a, vector, price, clicks, id, user, region',
  ]);
  expect(problems("{ near_duplicates: { columns: [price, user], distance: 1 } }")).toEqual([
    'team.yaml:3: sample.near_duplicates.columns[1]: click may not use a column "user" for this; available: a, vector, price, clicks',
  ]);
});

test("a vector has no distance", () => {
  expect(problems("{ near_duplicates: { columns: [vector], distance: 1 } }")).toEqual([
    'team.yaml:3: sample.near_duplicates.columns[0]: "vector" must have one number or one text per row',
  ]);
});

test.each([
  ["12", "sample: must be a mapping (key: value), not 12"],
  [
    "{ row: 5 }",
    'sample.row: unknown key; available: rows, by, distinct, at_most, near_duplicates; did you mean "rows"?',
  ],
  ["{ rows: 1.5 }", "sample.rows: must be an integer, not 1.5"],
  ["{ rows: 5, by: { stratified: a, key: b } }", "sample.by.key: unknown key; available: stratified"],
  ["{ rows: 5, by: [key] }", "sample.by: must be key or { stratified: COLUMN }"],
  ["{ near_duplicates: { columns: [], distance: 1 } }", "sample.near_duplicates.columns: must have at least 1 item"],
  ["{ near_duplicates: { columns: [price], distance: .inf } }", "sample.near_duplicates.distance: must be"],
  ["{ at_most: { column: price, rows: -1 } }", "sample.at_most.rows: must be at least 1, not -1"],
])("%s is refused", (sample, says) => {
  expect(problems(sample).join("\n")).toContain(`team.yaml:3: ${says}`);
});
