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

/** PAPER with one piece of its text replaced. */
function paperWith(from: string, to: string): string {
  expect(PAPER).toContain(from);
  return PAPER.replace(from, to);
}

describe("parsePipelineFile", () => {
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

  test("a file source and an output of probabilities have defaults for what is plain", () => {
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

  const cases: readonly (readonly [what: string, text: string, ...problems: string[]])[] = [
    ["an empty file", "", "p.yaml:1: the file is empty"],
    ["only a comment", "# nothing\n", "p.yaml:1: the file is empty"],
    ["a list", "- a\n", "p.yaml:1: the top of the file must be a mapping (key: value)"],
    ["two documents", `${PAPER}---\na: 1\n`, "p.yaml:15: a second YAML document begins here; one file holds one"],
    ["a key that is there twice", paperWith("  m1:", "  m2:"), 'p.yaml:10: the key "m2" is here twice'],
    [
      "an unknown key",
      paperWith("    loss: mse\n  m1", "    los: mse\n  m1"),
      'p.yaml:9: components.m2.los: unknown key; did you mean "loss"? (there are columns, upstream, output, target, loss)',
    ],
    [
      "a cycle through a component that is malformed",
      paperWith("    columns: [x1]\n", "    columms: [x1]\n    upstream: [m2]\n"),
      "p.yaml:6: components.m2.upstream[0]: the components form a cycle: m2 <- m1 <- m2",
      'p.yaml:11: components.m1.columms: unknown key; did you mean "columns"? (there are columns, upstream, output, target, loss)',
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
      'p.yaml:6: components.m2.upstream[0]: no component is called "m11"; did you mean "m1"?',
    ],
    [
      "a shape and a meaning that an edge does not have",
      paperWith("upstream: [m1]", "upstream: [{ component: m1, width: 2, meaning: probabilities }]"),
      "p.yaml:6: components.m2.upstream[0].width: m2 expects a width of 2, and m1 emits 3",
      "p.yaml:6: components.m2.upstream[0].meaning: m2 expects probabilities, and m1 emits real",
    ],
    [
      "a loss that does not fit the output's meaning",
      paperWith("    target: z\n    loss: mse", "    target: z\n    loss: cross-entropy"),
      "p.yaml:14: components.m1.loss: cross-entropy needs an output of probabilities, not real",
    ],
    [
      "probabilities without classes",
      paperWith("meaning: real }\n    target: z\n    loss: mse", "meaning: probabilities }\n    target: z"),
      "p.yaml:12: components.m1.output: classes is missing: the texts of the target column, in the order of the output's coordinates",
    ],
    [
      "classes that do not fit the width",
      paperWith(
        "meaning: real }\n    target: z\n    loss: mse",
        "meaning: probabilities, classes: [a, a] }\n    target: z",
      ),
      "p.yaml:12: components.m1.output.classes: 2 classes do not fit a width of 3",
      'p.yaml:12: components.m1.output.classes[1]: "a" is here twice',
    ],
    [
      "a wide scalar",
      paperWith("width: 1, meaning: scalar", "width: 2, meaning: scalar"),
      "p.yaml:7: components.m2.output.width: a scalar has width 1, not 2",
    ],
    [
      "two outputs of one name",
      paperWith("name: y", "name: z"),
      'p.yaml:7: components.m2.output.name: "z" is the name of an input too',
      'p.yaml:12: components.m1.output.name: "z" is the output of m2 already',
    ],
    [
      "a component that reads another's target",
      paperWith("columns: [x2]", "columns: [x2, z]"),
      'p.yaml:5: components.m2.columns[1]: "z" is the target of m1, which no other team sees; read its prediction (upstream: [m1])',
      'p.yaml:6: components.m2.upstream[0]: the output "z" of m1 has the name of another input',
    ],
    [
      "a component that reads its own target",
      paperWith("columns: [x1]", "columns: [x1, z]"),
      'p.yaml:11: components.m1.columns[1]: m1 reads its own target "z"',
      'p.yaml:12: components.m1.output.name: "z" is the name of an input too',
    ],
    [
      "several sinks and no objective",
      paperWith("    upstream: [m1]\n", ""),
      "p.yaml:1: objective: is missing: nobody reads from several components, so say whose loss is the pipeline's (m2, m1)",
    ],
    [
      "an objective that is no component",
      `${PAPER}objective: m3\n`,
      'p.yaml:15: objective: no component is called "m3"; did you mean "m2"?',
    ],
    [
      "a column that is there twice",
      paperWith("[x1]", "[x1, x1]"),
      'p.yaml:11: components.m1.columns[1]: "x1" is here twice',
    ],
    [
      "numbers out of range",
      paperWith("rows: 20000, test_fraction: 0.5", "rows: 1, test_fraction: 1"),
      "p.yaml:2: data.rows: must be at least 2, not 1",
      "p.yaml:2: data.test_fraction: must be below 1, not 1",
    ],
    [
      "wrong types",
      paperWith("width: 3", 'width: "3"').replace("columns: [x2]", "columns: x2"),
      'p.yaml:5: components.m2.columns: must be a list, not "x2"',
      'p.yaml:12: components.m1.output.width: must be a number, not "3"',
    ],
    [
      "a name that NATS and Kubernetes do not take",
      paperWith("pipeline: paper", "pipeline: My.Pipeline"),
      'p.yaml:1: pipeline: must be a name of at most 63 lower-case letters, digits and hyphens that begins with a letter, not "My.Pipeline"',
    ],
    [
      "an unknown data source",
      paperWith("source: synthetic", "source: sql"),
      'p.yaml:2: data.source: must be one of synthetic, file, not "sql"',
    ],
    ["nothing but a name", "pipeline: paper\n", "p.yaml:1: data: is missing", "p.yaml:1: components: is missing"],
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

  test("broken YAML is one problem with its line, not an exception", () => {
    const problems = problemsOf("pipeline: paper\ndata: { source: synthetic\ncomponents: 3\n");
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatch(/^p\.yaml:[23]: not YAML: /);
  });

  test("an alias bomb is refused", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [last, next] of ["ab", "bc", "cd", "de", "ef"]) {
      bomb.push(`${next}: &${next} [${Array(10).fill(`*${last}`).join(", ")}]`);
    }
    expect(problemsOf(bomb.join("\n"))[0]).toMatch(/not YAML: Excessive alias count/);
  });

  test("faults in several places are all reported at once, in the order of the file", () => {
    const problems = problemsOf(
      PAPER.replace("seed: 7", "seed: -1").replace("upstream: [m1]", "upstream: [m0]").replace("width: 3", "width: 0"),
    );
    expect(problems).toEqual([
      "p.yaml:2: data.seed: must be at least 0, not -1",
      'p.yaml:6: components.m2.upstream[0]: no component is called "m0"; did you mean "m2"?',
      "p.yaml:12: components.m1.output.width: must be at least 1, not 0",
    ]);
  });

  test("never throws: whatever the text, a pipeline or problems with lines of the file", () => {
    const sound = (text: string) => {
      const result = parsePipelineFile(text, "p.yaml");
      if (!("problems" in result)) return;
      expect(result.problems.length).toBeGreaterThan(0);
      for (const problem of result.problems) expectPlace(problem, text);
    };
    fc.assert(fc.property(fc.string(), sound));
    // Structures that look like a pipeline file, with anything in any place.
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
        objective: value,
        audit: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(file, (content) => sound(JSON.stringify(content, null, 1))));
  });

  test("never throws on damaged files: characters cut out of, and put into, a good one", () => {
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

  test("finds nothing wrong with the paper's pipeline and its data", () => {
    expect(checkPipelineAgainstSchema(parsed(PAPER), schema)).toEqual([]);
  });

  test("names columns that the data does not have, and where they are asked for", () => {
    const text = `${PAPER.replace("[x2]", "[x22]").replace("target: z", "target: zz")}audit: { rows: 3, columns: [w] }\n`;
    expect(checkPipelineAgainstSchema(parsed(text), schema).map(formatProblem)).toEqual([
      'p.yaml:5: components.m2.columns[0]: the data has no column "x22"; did you mean "x2"? (it has x1, x2, z, y)',
      'p.yaml:13: components.m1.target: the data has no column "zz"; did you mean "z"? (it has x1, x2, z, y)',
      'p.yaml:15: audit.columns[0]: the data has no column "w"; did you mean "z"? (it has x1, x2, z, y)',
    ]);
  });

  test("a column that is there and cannot be read is said to be just that", () => {
    const text = PAPER.replace("[x2]", "[x2, day]");
    const why = new Map([["day", "is of type DATE and cannot be read"]]);
    expect(checkPipelineAgainstSchema(parsed(text), schema, why).map(formatProblem)).toEqual([
      'p.yaml:5: components.m2.columns[1]: "day" is of type DATE and cannot be read',
    ]);
  });

  test("compares targets with outputs: width, and kind with the loss", () => {
    const wide = parsed(PAPER.replace("width: 3", "width: 2"));
    expect(checkPipelineAgainstSchema(wide, schema).map(formatProblem)).toEqual([
      'p.yaml:13: components.m1.target: "z" has width 3, and the output "z" has 2',
    ]);
    const categorical = schema.map((entry) =>
      entry.name === "y" ? { ...entry, kind: "categorical" as const } : entry,
    );
    expect(checkPipelineAgainstSchema(parsed(PAPER), categorical).map(formatProblem)).toEqual([
      'p.yaml:8: components.m2.target: mse needs a numeric target, and "y" is categorical',
    ]);
    const classes = "meaning: probabilities, classes: [a, b, c] }\n    target: z\n    loss: cross-entropy";
    const numeric = parsed(PAPER.replace("meaning: real }\n    target: z\n    loss: mse", classes));
    expect(checkPipelineAgainstSchema(numeric, schema).map(formatProblem)[0]).toContain(
      'p.yaml:13: components.m1.target: cross-entropy needs a categorical target, and "z" is numeric',
    );
  });
});
