import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ParsedPipeline, parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem, type Problem } from "../../../../services/pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../../../../services/pipeline/files/schema-checks.ts";

const PAPER = `pipeline: paper
data: { source: synthetic, generator: two-stage, seed: 7, rows: 20000, test_fraction: 0.5 }
components:
  m2:
    columns: [x2]
    upstream: [m1]
    output: { name: y, width: 1, meaning: scalar }
    target: y
    loss: mse
  m1:
    columns: [x1]
    output: { name: z, width: 3, meaning: real }
    target: z
    loss: mse
`;

function problemsOf(text: string): readonly string[] {
  const result = parsePipelineFile(text, "p.yaml");
  return "problems" in result ? result.problems.map(formatProblem) : [];
}

function parsed(text: string): ParsedPipeline {
  const result = parsePipelineFile(text, "p.yaml");
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result;
}

/** PAPER with one replacement. */
function paperWith(from: string, to: string): string {
  expect(PAPER).toContain(from);
  return PAPER.replace(from, to);
}

describe("parsePipelineFile", () => {
  test("reads several objectives with their weights", () => {
    expect(parsed(`${PAPER}objective: { m2: 1, m1: 0.2 }\n`).pipeline.objective).toEqual({ m1: 0.2, m2: 1 });
  });

  test("reads the paper's pipeline, in topological order, with the only sink as its objective", () => {
    expect(parsed(PAPER).pipeline).toEqual({
      name: "paper",
      objective: "m2",
      data: { source: "synthetic", generator: "two-stage", seed: 7, rows: 20_000, testFraction: 0.5 },
      components: [
        {
          name: "m1",
          columns: ["x1"],
          upstream: [],
          output: { name: "z", width: 3, meaning: "real" },
          target: "z",
          loss: "mse",
        },
        {
          name: "m2",
          columns: ["x2"],
          upstream: ["m1"],
          output: { name: "y", width: 1, meaning: "scalar" },
          target: "y",
          loss: "mse",
        },
      ],
    });
  });

  test("applies defaults to a file source and an output of probabilities", () => {
    const { pipeline } = parsed(`pipeline: ads
data: { source: file, path: ads.csv, key: id }
components:
  click: { columns: [age], output: { name: p, meaning: probabilities, classes: [no, yes] }, target: clicked }
audit: { rows: 10, columns: [clicked] }
`);
    expect(pipeline.data).toEqual({
      source: "file",
      path: "ads.csv",
      key: "id",
      testFraction: 0.2,
      maxBadFraction: 0.01,
    });
    expect(pipeline.components[0]?.output).toEqual({
      name: "p",
      width: 2,
      meaning: "probabilities",
      classes: ["no", "yes"],
    });
    expect(pipeline.components[0]?.loss).toBe("cross-entropy");
    expect(pipeline.audit).toEqual({ rows: 10, columns: ["clicked"] });
  });

  test("takes annotated held-out rows with annotated training rows, or alone", () => {
    const audit = (text: string) => parsed(`${PAPER}audit: ${text}\n`).pipeline.audit;
    expect(audit("{ held_out: 500 }")).toEqual({ heldOut: 500 });
    expect(audit("{ rows: 300, columns: [z], held_out: 500 }")).toEqual({ rows: 300, columns: ["z"], heldOut: 500 });
  });

  const cases: readonly (readonly [what: string, text: string, ...problems: string[]])[] = [
    [
      "an audit without rows",
      `${PAPER}audit: { columns: [z] }\n`,
      "p.yaml:15: audit.rows: is missing; columns are annotated in that many training rows",
    ],
    [
      "an audit without columns",
      `${PAPER}audit: { rows: 5, held_out: 50 }\n`,
      "p.yaml:15: audit.columns: is missing; it lists what is annotated in the training rows",
    ],
    [
      "an empty audit",
      `${PAPER}audit: {}\n`,
      "p.yaml:15: audit: must have rows and columns, or held_out, or all three",
    ],
    ["an empty file", "", "p.yaml:1: the file is empty"],
    ["only a comment", "# nothing\n", "p.yaml:1: the file is empty"],
    ["a list", "- a\n", "p.yaml:1: the top level must be a mapping (key: value)"],
    [
      "two documents",
      `${PAPER}---\na: 1\n`,
      "p.yaml:15: a second YAML document starts here; the file must have only one",
    ],
    ["a duplicate key", paperWith("  m1:", "  m2:"), 'p.yaml:10: duplicate key "m2"'],
    [
      "an unknown key",
      paperWith("    loss: mse\n  m1", "    los: mse\n  m1"),
      'p.yaml:9: components.m2.los: unknown key; available: columns, upstream, output, target, loss, data; did you mean "loss"?',
    ],
    [
      "a cycle through a malformed component",
      paperWith("    columns: [x1]\n", "    columms: [x1]\n    upstream: [m2]\n"),
      "p.yaml:6: components.m2.upstream[0]: the components form a cycle: m2 <- m1 <- m2",
      'p.yaml:11: components.m1.columms: unknown key; available: columns, upstream, output, target, loss, data; did you mean "columns"?',
    ],
    [
      "a cycle",
      paperWith("    columns: [x1]\n", "    columns: [x1]\n    upstream: [m2]\n"),
      "p.yaml:6: components.m2.upstream[0]: the components form a cycle: m2 <- m1 <- m2",
    ],
    [
      "a component that reads itself",
      paperWith("upstream: [m1]", "upstream: [m1, m2]"),
      "p.yaml:6: components.m2.upstream[1]: m2 reads its own output",
    ],
    [
      "a missing upstream",
      paperWith("upstream: [m1]", "upstream: [m11]"),
      'p.yaml:6: components.m2.upstream[0]: unknown component "m11"; available: m2, m1; did you mean "m1"?',
    ],
    [
      "a width and a meaning that differ from the upstream output",
      paperWith("upstream: [m1]", "upstream: [{ component: m1, width: 2, meaning: probabilities }]"),
      "p.yaml:6: components.m2.upstream[0].width: m2 expects width 2, but m1 emits width 3",
      "p.yaml:6: components.m2.upstream[0].meaning: m2 expects probabilities, but m1 emits real",
    ],
    [
      "a loss that does not fit the output's meaning",
      paperWith("    target: z\n    loss: mse", "    target: z\n    loss: cross-entropy"),
      "p.yaml:14: components.m1.loss: cross-entropy requires an output of probabilities, but its meaning is real",
    ],
    [
      "probabilities without classes",
      paperWith("meaning: real }\n    target: z\n    loss: mse", "meaning: probabilities }\n    target: z"),
      "p.yaml:12: components.m1.output: classes is missing; list the values of the target column, in the order of the output's coordinates",
    ],
    [
      "classes that do not fit the width",
      paperWith(
        "meaning: real }\n    target: z\n    loss: mse",
        "meaning: probabilities, classes: [a, a] }\n    target: z",
      ),
      "p.yaml:12: components.m1.output.classes: lists 2 classes, but the output has width 3",
      'p.yaml:12: components.m1.output.classes[1]: duplicate entry "a"',
    ],
    [
      "a wide scalar",
      paperWith("width: 1, meaning: scalar", "width: 2, meaning: scalar"),
      "p.yaml:7: components.m2.output.width: must be 1 for a scalar, not 2",
    ],
    [
      "two outputs with the same name",
      paperWith("name: y", "name: z"),
      'p.yaml:7: components.m2.output.name: "z" is also the name of an input; rename one of them',
      'p.yaml:12: components.m1.output.name: "z" is already the output of m2; rename one of them',
    ],
    [
      "a component that reads another's target",
      paperWith("columns: [x2]", "columns: [x2, z]"),
      'p.yaml:5: components.m2.columns[1]: "z" is the target of m1, which other teams cannot see; read its prediction instead (upstream: [m1])',
      'p.yaml:6: components.m2.upstream[0]: the output "z" of m1 has the same name as another input; rename one of them',
    ],
    [
      "a component that reads its own target",
      paperWith("columns: [x1]", "columns: [x1, z]"),
      'p.yaml:11: components.m1.columns[1]: "z" is the target of m1 itself; remove it from columns',
      'p.yaml:12: components.m1.output.name: "z" is also the name of an input; rename one of them',
    ],
    [
      "several sinks and no objective",
      paperWith("    upstream: [m1]\n", ""),
      "p.yaml:1: objective: is missing, and several components have no consumers: m2, m1; name the one whose loss is the pipeline loss, or give each a weight",
    ],
    [
      "an unknown objective",
      `${PAPER}objective: m3\n`,
      'p.yaml:15: objective: unknown component "m3"; available: m2, m1; did you mean "m2"?',
    ],
    [
      "objectives that do not exist, and weights that are none",
      `${PAPER}objective: { m3: 1, m1: 0, m2: .inf }\n`,
      'p.yaml:15: objective.m3: unknown component "m3"; available: m2, m1; did you mean "m2"?',
      "p.yaml:15: objective.m1: must be a finite number greater than 0, not 0",
      "p.yaml:15: objective.m2: must be a finite number greater than 0, not Infinity",
    ],
    [
      "weights that are no numbers",
      `${PAPER}objective: { m1: -2, m2: "1" }\n`,
      "p.yaml:15: objective.m1: must be a finite number greater than 0, not -2",
      'p.yaml:15: objective.m2: must be a finite number greater than 0, not "1"',
    ],
    [
      "a weighted list of one",
      `${PAPER}objective: { m2: 3 }\n`,
      "p.yaml:15: objective: lists a single component, whose weight has no effect; write objective: m2",
    ],
    [
      "an empty list of objectives",
      `${PAPER}objective: {}\n`,
      "p.yaml:15: objective: is an empty mapping; name the components whose losses make up the pipeline loss",
    ],
    [
      "an objective of another type",
      `${PAPER}objective: [m1, m2]\n`,
      "p.yaml:15: objective: must be the name of a component, or a mapping of names to weights, not a list",
    ],
    ["a duplicate column", paperWith("[x1]", "[x1, x1]"), 'p.yaml:11: components.m1.columns[1]: duplicate entry "x1"'],
    [
      "numbers out of range",
      paperWith("rows: 20000, test_fraction: 0.5", "rows: 1, test_fraction: 1"),
      "p.yaml:2: data.rows: must be at least 2, not 1",
      "p.yaml:2: data.test_fraction: must be less than 1, not 1",
    ],
    [
      "wrong types",
      paperWith("width: 3", 'width: "3"').replace("columns: [x2]", "columns: x2"),
      'p.yaml:5: components.m2.columns: must be a list, not "x2"',
      'p.yaml:12: components.m1.output.width: must be a number, not "3"',
    ],
    [
      "a name that NATS and Kubernetes do not accept",
      paperWith("pipeline: paper", "pipeline: My.Pipeline"),
      'p.yaml:1: pipeline: must start with a letter and have at most 63 lowercase letters, digits and hyphens, not "My.Pipeline"',
    ],
    [
      "an unknown data source",
      paperWith("source: synthetic", "source: sql"),
      'p.yaml:2: data.source: must be one of synthetic, file, database, not "sql"',
    ],
    [
      "nothing but a name",
      "pipeline: paper\n",
      "p.yaml:1: data: is missing; must be a mapping (key: value)",
      "p.yaml:1: components: is missing; must be a mapping of names to components",
    ],
    [
      "no components",
      `${PAPER.slice(0, PAPER.indexOf("components"))}components: {}\n`,
      "p.yaml:3: components: must have at least one component",
    ],
  ];

  test.each(cases)("%s", (_what, text, ...problems) => {
    expect(problemsOf(text)).toEqual(expect.arrayContaining(problems));
    expect(problemsOf(text)).toHaveLength(problems.length);
  });

  test("reports invalid YAML as a problem with its line instead of throwing", () => {
    const problems = problemsOf("pipeline: paper\ndata: { source: synthetic\ncomponents: 3\n");
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatch(/^p\.yaml:[23]: invalid YAML: /);
  });

  test("rejects an alias bomb", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [last, next] of ["ab", "bc", "cd", "de", "ef"]) {
      bomb.push(`${next}: &${next} [${Array(10).fill(`*${last}`).join(", ")}]`);
    }
    expect(problemsOf(bomb.join("\n"))[0]).toMatch(/invalid YAML: Excessive alias count/);
  });

  test("reports all problems at once, in file order", () => {
    const problems = problemsOf(
      PAPER.replace("seed: 7", "seed: -1").replace("upstream: [m1]", "upstream: [m0]").replace("width: 3", "width: 0"),
    );
    expect(problems).toEqual([
      "p.yaml:2: data.seed: must be at least 0, not -1",
      'p.yaml:6: components.m2.upstream[0]: unknown component "m0"; available: m2, m1; did you mean "m2"?',
      "p.yaml:12: components.m1.output.width: must be at least 1, not 0",
    ]);
  });

  test("never throws: returns a pipeline or problems with valid line numbers for any text", () => {
    const sound = (text: string) => {
      const result = parsePipelineFile(text, "p.yaml");
      if (!("problems" in result)) return;
      expect(result.problems.length).toBeGreaterThan(0);
      for (const problem of result.problems) expectPlace(problem, text);
    };
    fc.assert(fc.property(fc.string(), sound));
    // Structures that resemble a pipeline file, with arbitrary values.
    const leaf = fc.oneof(
      fc.constantFrom("m1", "m2", "z", "x1", "mse", "real"),
      fc.integer(),
      fc.double(),
      fc.constant(null),
    );
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.object({ maxDepth: 2, maxKeys: 3 }));
    const component = fc.record(
      { columns: value, upstream: value, output: value, target: value, loss: value, other: value },
      { requiredKeys: [] },
    );
    const file = fc.record(
      {
        pipeline: value,
        data: fc.oneof(value, fc.record({ source: fc.constantFrom("file", "synthetic"), rows: value, path: value })),
        components: fc.oneof(
          value,
          fc.dictionary(fc.constantFrom("m1", "m2", "__proto__"), fc.oneof(component, value)),
        ),
        objective: fc.oneof(value, fc.dictionary(fc.constantFrom("m1", "m2", "__proto__"), leaf)),
        audit: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(file, (content) => sound(JSON.stringify(content, null, 1))));
  });

  test("never throws on a valid file with deleted and inserted characters", () => {
    fc.assert(
      fc.property(fc.nat(PAPER.length), fc.nat(30), fc.string({ maxLength: 6 }), (at, cut, put) => {
        const text = PAPER.slice(0, at) + put + PAPER.slice(at + cut);
        const result = parsePipelineFile(text, "p.yaml");
        if ("problems" in result) for (const problem of result.problems) expectPlace(problem, text);
      }),
      { numRuns: 300 },
    );
  });
});

function expectPlace(problem: Problem, text: string): void {
  expect(problem.message).not.toBe("");
  expect(problem.line).toBeGreaterThanOrEqual(1);
  expect(problem.line).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length);
}

describe("checkPipelineAgainstSchema", () => {
  const column = (name: string, width: number) => ({ name, kind: "numeric", width }) as const;
  const schema = [column("x1", 10), column("x2", 5), column("z", 3), column("y", 1)];

  test("accepts the paper's pipeline and its data", () => {
    expect(checkPipelineAgainstSchema(parsed(PAPER), schema)).toEqual([]);
  });

  test("reports missing columns where they are used", () => {
    const text = `${PAPER.replace("[x2]", "[x22]").replace("target: z", "target: zz")}audit: { rows: 3, columns: [w] }\n`;
    expect(checkPipelineAgainstSchema(parsed(text), schema).map(formatProblem)).toEqual([
      'p.yaml:5: components.m2.columns[0]: the data has no column "x22"; available: x1, x2, z, y; did you mean "x2"?',
      'p.yaml:13: components.m1.target: the data has no column "zz"; available: x1, x2, z, y; did you mean "z"?',
      'p.yaml:15: audit.columns[0]: the data has no column "w"; available: x1, x2, z, y; did you mean "z"?',
    ]);
  });

  test("says why an existing column cannot be read", () => {
    const text = PAPER.replace("[x2]", "[x2, day]");
    const why = new Map([["day", "has the unsupported type DATE"]]);
    expect(checkPipelineAgainstSchema(parsed(text), schema, why).map(formatProblem)).toEqual([
      'p.yaml:5: components.m2.columns[1]: "day" has the unsupported type DATE',
    ]);
  });

  test("checks a target's width against the output and its kind against the loss", () => {
    const wide = parsed(PAPER.replace("width: 3", "width: 2"));
    expect(checkPipelineAgainstSchema(wide, schema).map(formatProblem)).toEqual([
      'p.yaml:13: components.m1.target: "z" has width 3, but the output "z" has width 2',
    ]);
    const categorical = schema.map((entry) =>
      entry.name === "y" ? { ...entry, kind: "categorical" as const } : entry,
    );
    expect(checkPipelineAgainstSchema(parsed(PAPER), categorical).map(formatProblem)).toEqual([
      'p.yaml:8: components.m2.target: mse requires a numeric target, but "y" is categorical',
    ]);
    const classes = "meaning: probabilities, classes: [a, b, c] }\n    target: z\n    loss: cross-entropy";
    const numeric = parsed(PAPER.replace("meaning: real }\n    target: z\n    loss: mse", classes));
    expect(checkPipelineAgainstSchema(numeric, schema).map(formatProblem)[0]).toContain(
      'p.yaml:13: components.m1.target: cross-entropy requires a categorical target, but "z" is numeric',
    );
  });
});

describe("what verdicts take from the pipeline file", () => {
  const FILE = PAPER.replace(
    "data: { source: synthetic, generator: two-stage, seed: 7, rows: 20000, test_fraction: 0.5 }",
    "data: { source: file, path: rows.csv, group: user }\nverdict: { minimum_effect: 0.5 % }\nslices: [device, country]",
  );

  test("are groups of rows, the smallest effect that matters, and slices", () => {
    const { pipeline } = parsed(FILE);
    expect(pipeline.data).toMatchObject({ group: ["user"] });
    expect(pipeline).toMatchObject({ verdict: { minimumEffect: 0.005 }, slices: ["device", "country"] });
    const crossed = parsed(FILE.replace("group: user", "group: [user, item]").replace("0.5 %", "0"));
    expect(crossed.pipeline.data).toMatchObject({ group: ["user", "item"] });
    expect(crossed.pipeline.verdict).toEqual({ minimumEffect: 0 });
    expect(parsed(PAPER).pipeline.verdict).toBeUndefined();
    const limits = [
      ["99 %", { quantile: 0.99 }],
      ["20", { bound: 20 }],
    ] as const;
    for (const [text, lossLimit] of limits) {
      const limited = parsed(FILE.replace("minimum_effect: 0.5 %", `loss_limit: ${text}`));
      expect(limited.pipeline.verdict).toEqual({ minimumEffect: 0, lossLimit });
    }
  });

  test.each([
    [
      "minimum_effect: 0.5 %",
      "minimum_effect: 0.5",
      "verdict.minimum_effect: must be a percentage of the current loss",
    ],
    [
      "minimum_effect: 0.5 %",
      "minimum_effect: much",
      "verdict.minimum_effect: must be a percentage of the current loss",
    ],
    ["minimum_effect: 0.5 %", "loss_limit: 20 %", "verdict.loss_limit: must be a loss, or a percentage between"],
    ["minimum_effect", "minimal_effect", "verdict.minimal_effect: unknown key; available: minimum_effect, loss_limit"],
    ["[device, country]", "[device, device]", "slices"],
    ["group: user", "group: [a, b, c]", "data.group"],
    ["group: user", "group: [a, a]", "data.group"],
  ])("%s written as %s is a problem", (from, to, problem) => {
    expect(problemsOf(FILE.replace(from, to)).join("\n")).toContain(problem);
  });

  test("slices must be columns of the data, of any type", () => {
    const schema = ["x1", "x2", "z", "y", "device"].map((name) => ({ name, kind: "numeric" as const, width: 1 }));
    const problems = checkPipelineAgainstSchema(
      parsed(FILE.replace("width: 3", "width: 1")),
      schema,
      new Map([["day", "has the type DATE"]]),
    );
    expect(problems.map(formatProblem)).toEqual([
      expect.stringContaining('slices[1]: the data has no column "country"'),
    ]);
    const dated = FILE.replace("width: 3", "width: 1").replace("country", "day");
    expect(checkPipelineAgainstSchema(parsed(dated), schema, new Map([["day", "has the type DATE"]]))).toEqual([]);
  });

  test("slices need a file", () => {
    expect(problemsOf(`${PAPER}slices: [x1]\n`)).toEqual(["p.yaml:15: slices: slices need data from a file"]);
  });
});
