import { describe, expect, test } from "vitest";
import { readModelTest } from "../../../../services/pipeline/documents/model-test-schema.ts";
import type { DataColumn } from "../../../../services/pipeline/files/data-column.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../../../../services/pipeline/files/schema-checks.ts";
import { checkTeamAgainstPipeline, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";

const PIPELINE = `pipeline: p
data: { source: file, path: rows.csv, key: id }
slices: [device]
components:
  click:
    columns: [price, bid, country, language, views]
    output: { name: c, width: 2, meaning: probabilities, classes: ["no", "yes"] }
    target: clicked
    loss: cross-entropy
  revenue: { columns: [price], upstream: [click], output: { name: y, width: 1, meaning: scalar }, target: paid }
objective: revenue
`;

const SCHEMA: readonly DataColumn[] = [
  { name: "price", kind: "numeric", width: 1 },
  { name: "bid", kind: "numeric", width: 1 },
  { name: "views", kind: "numeric", width: 4 },
  { name: "country", kind: "categorical", width: 1 },
  { name: "language", kind: "categorical", width: 1 },
  { name: "device", kind: "categorical", width: 1 },
  { name: "clicked", kind: "categorical", width: 1 },
  { name: "paid", kind: "numeric", width: 1 },
];

function pipelineOf(tests: string) {
  return parsePipelineFile(`${PIPELINE}tests:\n${tests}`, "p.yaml");
}

function teamOf(tests: string, component = "click") {
  return parseTeamFile(`component: ${component}\nmodel: linear\ntests:\n${tests}`, "t.yaml");
}

/** The tests of a team file that fits the pipeline and its data. */
function testsOf(tests: string, component?: string) {
  const team = teamOf(tests, component);
  const pipeline = pipelineOf("  []");
  if ("problems" in team) throw new Error(team.problems.map(formatProblem).join("\n"));
  if ("problems" in pipeline) throw new Error(pipeline.problems.map(formatProblem).join("\n"));
  const problems = checkTeamAgainstPipeline(team, pipeline.pipeline, new Set(), SCHEMA);
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join("\n"));
  return team.team.tests;
}

/** What is wrong with a test in a team file, as `line: path: message`. */
function teamProblems(tests: string, component?: string): readonly string[] {
  const parsed = teamOf(tests, component);
  const pipeline = pipelineOf("  []");
  if ("problems" in pipeline) throw new Error("the pipeline of this test has problems");
  const found =
    "problems" in parsed ? parsed.problems : checkTeamAgainstPipeline(parsed, pipeline.pipeline, new Set(), SCHEMA);
  return found.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
}

function pipelineProblems(tests: string): readonly string[] {
  const parsed = pipelineOf(tests);
  const found = "problems" in parsed ? parsed.problems : checkPipelineAgainstSchema(parsed, SCHEMA);
  return found.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
}

const EVERY_KIND = `  - name: price lowers demand
    monotone: price
    direction: decreasing
    output: "yes"
    tolerance: 0.001
    rows: 500
    allowed: 1 %
    on_failure: refuse
  - invariant: { set: { country: US, bid: 1 }, swap: [language, language2] }
  - directional: { scale: { bid: 1.1 }, map: { country: { UK: GB } } }
    direction: increasing
    output: 1
  - bounded: { low: 0, high: 1 }
  - slice: { country: DE, price: { low: 1, high: 5 } }
    loss_at_most: 0.3
    loss_relative_to_all: 1.5
  - agreement: { with: previous, at_least: 90 % }
`.replace(", swap: [language, language2]", "");

describe("tests of a team file", () => {
  test("reads every kind, with defaults and names", () => {
    expect(testsOf(EVERY_KIND)).toEqual([
      {
        name: "price lowers demand",
        kind: "monotone",
        onFailure: "refuse",
        rows: 500,
        allowed: 0.01,
        tolerance: 0.001,
        output: "yes",
        column: "price",
        direction: "decreasing",
      },
      {
        name: "invariant under country = US, bid = 1",
        kind: "invariant",
        onFailure: "warn",
        rows: 1000,
        allowed: 0,
        change: { set: { country: "US", bid: 1 } },
      },
      {
        name: "increasing under bid x 1.1, country UK -> GB",
        kind: "directional",
        onFailure: "warn",
        rows: 1000,
        allowed: 0,
        output: 1,
        change: { scale: { bid: 1.1 }, map: { country: { UK: "GB" } } },
        direction: "increasing",
      },
      {
        name: "at least 0, at most 1",
        kind: "bounded",
        onFailure: "warn",
        rows: 1000,
        allowed: 0,
        low: 0,
        high: 1,
      },
      {
        name: "slice country = DE, 1 <= price < 5",
        kind: "slice",
        onFailure: "warn",
        rows: 10_000,
        where: { country: "DE", price: { low: 1, high: 5 } },
        lossAtMost: 0.3,
        lossRelativeToAll: 1.5,
      },
      {
        name: "agreement with the previous snapshot",
        kind: "agreement",
        onFailure: "warn",
        rows: 1000,
        allowed: 0.1,
      },
    ]);
  });

  test("what is parsed can be read back from a manifest, and nothing else", () => {
    for (const spec of testsOf(EVERY_KIND) ?? []) {
      expect(readModelTest(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
      expect(readModelTest({ ...spec, later: true })).toBeUndefined();
      expect(readModelTest({ ...spec, kind: "later" })).toBeUndefined();
      expect(readModelTest({ ...spec, rows: -1 })).toBeUndefined();
    }
  });

  test("may be about an upstream output that the component reads", () => {
    const [found] = testsOf("  - { monotone: price, direction: increasing }", "revenue") ?? [];
    expect(found).toMatchObject({ kind: "monotone", column: "price" });
    // The output of click has two coordinates.
    expect(teamProblems("  - { monotone: c, direction: increasing }", "revenue")).toEqual([
      '4: tests[0].monotone: "c" must have one number per row',
    ]);
    expect(testsOf("  - { invariant: { scale: { c: 1.1 } } }", "revenue")).toHaveLength(1);
  });

  test.for([
    ["tests: 3", "  3", "tests: must be a list of tests, not 3"],
    [
      "a test that is no mapping",
      "  - monotone",
      'tests[0]: must be a mapping with one of monotone, invariant, directional, bounded, slice, agreement, not "monotone"',
    ],
    [
      "no kind",
      "  - { name: x }",
      "tests[0]: must have one of monotone, invariant, directional, bounded, slice, agreement",
    ],
    [
      "a kind with a typo",
      "  - { monoton: price }",
      'tests[0]: must have one of monotone, invariant, directional, bounded, slice, agreement; did you mean "monotone"?',
    ],
    [
      "two kinds",
      "  - { monotone: price, direction: increasing, bounded: { low: 0 } }",
      "tests[0]: has monotone and bounded; write a test for each",
    ],
    [
      "no direction",
      "  - { monotone: price, output: 1 }",
      "tests[0].direction: is missing; must be one of increasing, decreasing",
    ],
    [
      "an unknown column",
      "  - { monotone: prize, direction: increasing, output: 1 }",
      'tests[0].monotone: click does not read a column "prize"; available: price, bid, country, language, views; did you mean "price"?',
    ],
    [
      "a column of another component's",
      "  - { slice: { device: tv }, loss_at_most: 1 }",
      'tests[0].slice.device: click does not read a column "device"; available: price, bid, country, language, views',
    ],
    [
      "monotone in text",
      "  - { monotone: country, direction: increasing, output: 1 }",
      'tests[0].monotone: "country" must have one number per row',
    ],
    [
      "monotone in a list",
      "  - { monotone: views, direction: increasing, output: 1 }",
      'tests[0].monotone: "views" must have one number per row',
    ],
    [
      "no coordinate",
      "  - { monotone: price, direction: increasing }",
      "tests[0]: output is missing; the output of click has 2 coordinates, so name one",
    ],
    [
      "a coordinate beyond the last",
      "  - { monotone: price, direction: increasing, output: 2 }",
      "tests[0].output: the output of click has 2 coordinates; the last one is 1",
    ],
    [
      "an unknown class",
      "  - { bounded: { low: 0 }, output: maybe }",
      'tests[0].output: the output of click has no class "maybe"; available: no, yes',
    ],
    [
      "no change",
      "  - { invariant: {} }",
      "tests[0].invariant: must change a column with set, scale, swap or map, such as { set: { country: US } }",
    ],
    [
      "a column changed twice",
      "  - { invariant: { set: { bid: 1 }, scale: { bid: 2 } } }",
      'tests[0].invariant: changes "bid" twice; a column is in one of set, scale, swap and map',
    ],
    [
      "text for a number",
      "  - { invariant: { set: { bid: high } } }",
      'tests[0].invariant.set.bid: "bid" is numeric; set it to a number',
    ],
    [
      "a number for text",
      "  - { invariant: { set: { country: 49 } } }",
      'tests[0].invariant.set.country: "country" is categorical; write "49"',
    ],
    [
      "one value for a list",
      "  - { invariant: { set: { views: 1 } } }",
      'tests[0].invariant.set.views: "views" has width 4; only columns with one value per row can be set',
    ],
    [
      "scaled text",
      "  - { invariant: { scale: { country: 2 } } }",
      'tests[0].invariant.scale.country: "country" is categorical; only numbers can be scaled',
    ],
    [
      "mapped numbers",
      '  - { invariant: { map: { bid: { "1": x } } } }',
      'tests[0].invariant.map.bid: "bid" is numeric; map is for categorical columns',
    ],
    [
      "three columns swapped",
      "  - { invariant: { swap: [price, bid, views] } }",
      "tests[0].invariant.swap: must have at most 2 items",
    ],
    [
      "columns that cannot be swapped",
      "  - { invariant: { swap: [price, country] } }",
      'tests[0].invariant.swap: "price" and "country" differ in kind or width',
    ],
    ["no bound", "  - { bounded: {} }", "tests[0].bounded: must have low, high, or both"],
    [
      "bounds the wrong way around",
      "  - { bounded: { low: 1, high: 0 } }",
      "tests[0].bounded.low: must be less than high (0), not 1",
    ],
    [
      "an empty slice",
      "  - { slice: {}, loss_at_most: 1 }",
      "tests[0].slice: must name at least one column, such as { country: DE }",
    ],
    [
      "a slice without a limit",
      "  - { slice: { country: DE } }",
      "tests[0]: a slice needs a limit: loss_at_most or loss_relative_to_all",
    ],
    [
      "a slice of text by range",
      "  - { slice: { country: { low: 1 } }, loss_at_most: 1 }",
      'tests[0].slice.country: "country" is categorical; use a value in quotes',
    ],
    [
      "a slice of numbers by text",
      "  - { slice: { price: cheap }, loss_at_most: 1 }",
      'tests[0].slice.price: "price" is numeric; use a number, or { low: 0, high: 10 }',
    ],
    [
      "a slice of lists",
      "  - { slice: { views: 1 }, loss_at_most: 1 }",
      'tests[0].slice.views: "views" must have one value per row',
    ],
    [
      "agreement with nothing",
      "  - { agreement: { with: next } }",
      'tests[0].agreement.with: must be previous, not "next"',
    ],
    [
      "agreement of few rows",
      "  - { agreement: { with: previous, at_least: 20 % } }",
      "tests[0].agreement.at_least: must be a percentage of the rows, at least 50 % and less than 100 %, such as 95 %",
    ],
    [
      "agreement of a coordinate",
      "  - { agreement: { with: previous }, output: 1 }",
      "tests[0].agreement: within is missing; without it, agreement compares the most probable classes of an output of probabilities",
    ],
    [
      "a share of 100 %",
      "  - { bounded: { low: 0 }, allowed: 100 % }",
      "tests[0].allowed: must be a percentage of the rows, at least 0 % and less than 100 %, such as 1 %",
    ],
    [
      "too many rows",
      "  - { bounded: { low: 0 }, rows: 1000000 }",
      "tests[0].rows: must be at most 20000, not 1000000",
    ],
    [
      "a negative tolerance",
      "  - { bounded: { low: 0 }, tolerance: -1 }",
      "tests[0].tolerance: must be at least 0, not -1",
    ],
    [
      "another consequence",
      "  - { bounded: { low: 0 }, on_failure: ignore }",
      'tests[0].on_failure: must be one of warn, refuse, not "ignore"',
    ],
    [
      "an unknown key",
      "  - { bounded: { low: 0 }, tolerence: 1 }",
      'tests[0].tolerence: unknown key; available: name, rows, on_failure, allowed, tolerance, output, bounded; did you mean "tolerance"?',
    ],
    [
      "a tolerance of a slice",
      "  - { slice: { country: DE }, loss_at_most: 1, tolerance: 1 }",
      "tests[0].tolerance: unknown key; available: name, rows, on_failure, slice, loss_at_most, loss_relative_to_all",
    ],
    [
      "the component in a team file",
      "  - { bounded: { low: 0 }, component: click }",
      "tests[0].component: unknown key; available: name, rows, on_failure, allowed, tolerance, output, bounded",
    ],
    [
      "two tests of one name",
      "  - { bounded: { low: 0 } }\n  - { bounded: { low: 0 } }",
      'tests[1]: two tests have the name "at least 0"; give each a name of its own',
    ],
  ])("refuses %s", ([, tests = "", message]) => {
    const problems = teamProblems(tests);
    expect(problems.map((problem) => problem.replace(/^\d+: /, ""))).toContain(message);
    expect(problems).toHaveLength(1);
  });

  test("reports the line of each problem", () => {
    expect(
      teamProblems("  - bounded: { low: 0 }\n  - monotone: prize\n    direction: increasing\n    output: 1")[0],
    ).toMatch(/^5: tests\[1\]\.monotone: /);
  });

  test("more predictions than a file may ask for", () => {
    const many = Array.from(
      { length: 5 },
      (_, at) => `  - { name: t${at}, monotone: price, direction: increasing, output: 1, rows: 20000 }`,
    ).join("\n");
    expect(teamProblems(many)).toEqual([
      "3: tests: ask for 2,100,000 predictions; the limit is 2,000,000, so lower their rows",
    ]);
  });

  test("more tests than a file may have", () => {
    const many = Array.from({ length: 51 }, (_, at) => `  - { bounded: { low: ${at} } }`).join("\n");
    expect(teamProblems(many)).toEqual(["3: tests: must have at most 50 tests, not 51"]);
  });
});

describe("tests of a pipeline file", () => {
  test("are about the objective, or a component by name, and may name columns of everything upstream", () => {
    const parsed = pipelineOf(`  - { monotone: price, direction: decreasing, on_failure: refuse }
  - { directional: { scale: { bid: 1.1 } }, direction: increasing }
  - { bounded: { low: 0, high: 1 }, component: click }
  - { slice: { device: tv }, loss_relative_to_all: 2 }`);
    if ("problems" in parsed) throw new Error(parsed.problems.map(formatProblem).join("\n"));
    expect(checkPipelineAgainstSchema(parsed, SCHEMA)).toEqual([]);
    expect(parsed.pipeline.tests?.map(({ component, kind }) => [component, kind])).toEqual([
      ["revenue", "monotone"],
      ["revenue", "directional"],
      ["click", "bounded"],
      ["revenue", "slice"],
    ]);
  });

  test.for([
    [
      "an unknown component",
      "  - { bounded: { low: 0 }, component: revenu }",
      'tests[0].component: unknown component "revenu"; available: click, revenue; did you mean "revenue"?',
    ],
    [
      "a column that only a consumer reads",
      "  - { monotone: paid, direction: increasing }",
      'tests[0].monotone: revenue does not read a column "paid"; available: price, bid, country, language, views',
    ],
    [
      "an upstream output, which a composition computes",
      "  - { bounded: { low: 0 } }\n  - { invariant: { scale: { c: 2 } } }",
      'tests[1].invariant.scale.c: revenue does not read a column "c"; available: price, bid, country, language, views',
    ],
    [
      "a slice of text by number",
      "  - { slice: { device: 3 }, loss_at_most: 1 }",
      'tests[0].slice.device: "device" is categorical; use a value in quotes',
    ],
    [
      "text in a numeric column",
      "  - { directional: { set: { bid: high } }, direction: increasing }",
      'tests[0].directional.set.bid: "bid" is numeric; set it to a number',
    ],
  ])("refuses %s", ([, tests = "", message]) => {
    expect(pipelineProblems(tests).map((problem) => problem.replace(/^\d+: /, ""))).toEqual([message]);
  });

  test("several objectives need a component in each test", () => {
    const parsed = parsePipelineFile(
      `${PIPELINE.replace("objective: revenue", "objective: { click: 1, revenue: 0.5 }")}tests: [{ bounded: { low: 0 } }]`,
      "p.yaml",
    );
    const problems = "problems" in parsed ? parsed.problems.map(({ message }) => message) : [];
    expect(problems).toEqual([
      "component is missing; there are several objectives, so name the one whose output is tested",
    ]);
  });
});

test("a malformed test does not hide what is wrong with the others", () => {
  const tests = `  - { monotone: price, direction: down, output: "yes" }
  - { bounded: { low: 0 }, output: maybe }
  - 7
  - { monotone: country, direction: increasing, output: "yes" }
`;
  const team = teamOf(tests);
  const pipeline = pipelineOf(tests.replaceAll(/ }$/gm, ", component: click }"));
  const empty = pipelineOf("  []");
  if (!("problems" in team) || !("problems" in pipeline) || "problems" in empty) throw new Error("expected problems");
  expect(team.problems.map(({ line }) => line)).toEqual([4, 6]);
  expect(pipeline.problems.map(({ line }) => line)).toEqual([13, 15]);
  const { readable: readableTeam } = team;
  const { readable } = pipeline;
  if (readableTeam === undefined || readable === undefined) throw new Error("expected readable parts");
  const ofTeam = checkTeamAgainstPipeline(readableTeam, empty.pipeline, new Set(), SCHEMA);
  const source = { name: "the data", columns: "all" } as const;
  const ofPipeline = checkPipelineAgainstSchema(readable, SCHEMA, new Map(), source);
  for (const [found, first] of [
    [ofTeam, 5],
    [ofPipeline, 14],
  ] as const) {
    expect(found.map(({ line, path, message }) => [(line ?? 0) - first, path, message])).toEqual([
      [0, "tests[1].output", 'the output of click has no class "maybe"; available: no, yes'],
      [2, "tests[3].monotone", '"country" must have one number per row'],
    ]);
  }
});
