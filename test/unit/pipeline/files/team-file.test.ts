import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { protocolCatalog } from "../../../../services/learning/protocols/all.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import type { ProtocolCatalog } from "../../../../services/pipeline/files/protocol-catalog.ts";
import { checkTeamAgainstPipeline, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";

const CATALOG: ProtocolCatalog = {
  async: {},
  proximal: { lambda: { min: 0, default: 1 }, sigma: { min: 0, max: 3, default: 0.15 } },
  causal: { source: { choices: ["auto", "oracle"], default: "auto" } },
};

const FULL = `component: m2
model: { hidden: [64, 32] }
optimizer: { name: adam, learning_rate: 0.005, beta1: 0.8 }
batch: 32
steps: 1000
schedule: { warmup: 10, decay: constant }
protocol: { name: proximal, sigma: 0.3 }
seed: 4
train: { every: 10m }
engine: onnx:cpu
workers: { slots: 8, sync_every: 20, audit: 0.5, numerics: tolerant, fallback: wait }
remote_modules: true
sets: false
cotrain: true
`;

const parse = (text: string) => parseTeamFile(text, "/teams/m2.yaml", CATALOG);

function problemsOf(text: string): readonly string[] {
  const result = parse(text);
  return "problems" in result ? result.problems.map(formatProblem) : [];
}

function parsed(text: string) {
  const result = parse(text);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result;
}

describe("parseTeamFile", () => {
  test("requires only a component and a model", () => {
    expect(parsed("component: m1\nmodel: linear\n").team).toEqual({
      component: "m1",
      model: { kind: "dense", hidden: [] },
      optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      batch: 64,
      steps: 4000,
      schedule: { warmup: 100, decay: "cosine" },
      protocol: { name: "async", parameters: {} },
      seed: 1,
      train: { when: "on-demand" },
      engine: "auto",
    });
  });

  test("reads every key", () => {
    expect(parsed(FULL).team).toEqual({
      component: "m2",
      model: { kind: "dense", hidden: [64, 32] },
      optimizer: { name: "adam", learningRate: 0.005, beta1: 0.8, beta2: 0.999, epsilon: 1e-8 },
      batch: 32,
      steps: 1000,
      schedule: { warmup: 10, decay: "constant" },
      protocol: { name: "proximal", parameters: { lambda: 1, sigma: 0.3 } },
      seed: 4,
      train: { when: "interval", seconds: 600 },
      engine: "onnx:cpu",
      workers: { slots: 8, syncEvery: 20, audit: 0.5, numerics: "tolerant", fallback: "wait" },
      remoteModules: true,
      sets: false,
      cotrain: true,
    });
  });

  test("takes the defaults of workers that are only named", () => {
    expect(parsed("component: m1\nmodel: linear\nworkers: {}\n").team.workers).toEqual({
      slots: 4,
      syncEvery: 50,
      audit: 0.01,
      numerics: "exact",
      fallback: "local",
    });
  });

  test.each([
    ["workers: 3", "3: workers: must be a mapping (key: value), not 3"],
    ["workers:", "3: workers: must be a mapping (key: value), not an empty value"],
    ["workers: { slots: 0 }", "3: workers.slots: must be at least 1, not 0"],
    ["workers: { slots: 1025 }", "3: workers.slots: must be at most 1024, not 1025"],
    ["workers: { slots: 1.5 }", "3: workers.slots: must be an integer, not 1.5"],
    ["workers: { sync_every: 0 }", "3: workers.sync_every: must be at least 1, not 0"],
    [
      "workers: { syncEvery: 5 }",
      '3: workers.syncEvery: unknown key; available: slots, sync_every, audit, numerics, fallback; did you mean "sync_every"?',
    ],
    ["workers: { audit: 1.1 }", "3: workers.audit: must be at most 1, not 1.1"],
    ["workers: { audit: -0.1 }", "3: workers.audit: must be at least 0, not -0.1"],
    ["workers: { numerics: bits }", '3: workers.numerics: must be one of exact, tolerant, not "bits"'],
    ["workers: { fallback: cloud }", '3: workers.fallback: must be one of local, wait, not "cloud"'],
    ["workers: {}\nengine: reference", "3: workers: cannot be used with engine reference"],
    ["workers: {}\nengine: tensorflow", "3: workers: cannot be used with engine tensorflow"],
  ])("refuses %j", (text, problem) => {
    const problems = problemsOf(`component: m1\nmodel: linear\n${text}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test("accepts short forms: an optimizer and a protocol by name, a relative module path, a run shorter than the warmup", () => {
    const { team } = parsed(
      "component: m2\nmodel: { module: ./models/mine.ts }\noptimizer: momentum\nprotocol: causal\nsteps: 50\ntrain: on-upstream\n",
    );
    expect(team.model).toEqual({ kind: "module", path: "/teams/models/mine.ts" });
    expect(team.optimizer).toEqual({ name: "momentum", learningRate: 0.01, momentum: 0.9 });
    expect(team.protocol).toEqual({ name: "causal", parameters: { source: "auto" } });
    expect(team.schedule).toEqual({ warmup: 50, decay: "cosine" });
    expect(team.train).toEqual({ when: "on-upstream" });
  });

  test("accepts the optimizer under its old name, with one deprecation", () => {
    const { team, deprecations } = parsed(
      "component: m2\nmodel: linear\noptimiser: { name: sgd, learning_rate: 0.5 }\n",
    );
    expect(team.optimizer).toEqual({ name: "sgd", learningRate: 0.5 });
    expect(deprecations.map(formatProblem)).toEqual([
      "/teams/m2.yaml:3: optimiser: is deprecated; rename it to optimizer",
    ]);
    expect(parsed("component: m2\nmodel: linear\noptimizer: sgd\n").deprecations).toEqual([]);
  });

  test("reports an error in the old key under that key, and rejects both keys at once", () => {
    expect(problemsOf("component: m2\nmodel: linear\noptimiser: adamw\n")).toEqual([
      '/teams/m2.yaml:3: optimiser.name: must be one of sgd, momentum, adam, not "adamw"; did you mean "adam"?',
    ]);
    expect(problemsOf("component: m2\nmodel: linear\noptimizer: sgd\noptimiser: adam\n")).toEqual([
      "/teams/m2.yaml:4: optimiser: is the old name of optimizer, which is also set; remove it",
    ]);
  });

  test("the residualized source under its old spelling works, with one deprecation", () => {
    const withSource = (source: string) => {
      const text = `component: m2\nmodel: linear\nprotocol: { name: causal, source: ${source} }\n`;
      const result = parseTeamFile(text, "/teams/m2.yaml", protocolCatalog);
      if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
      return result;
    };
    const { team, deprecations } = withSource("residualised");
    expect(team.protocol).toEqual({ name: "causal", parameters: { source: "residualized" } });
    expect(deprecations.map(formatProblem)).toEqual([
      '/teams/m2.yaml:3: protocol.source: "residualised" is deprecated; rename it to "residualized"',
    ]);
    expect(withSource("residualized")).toMatchObject({ team, deprecations: [] });
  });

  const cases: readonly (readonly [from: string, to: string, problem: string])[] = [
    [
      "component: m2",
      "component: ''",
      '1: component: must start with a letter and have at most 63 lowercase letters, digits and hyphens, not ""',
    ],
    ["{ hidden: [64, 32] }", "dense", "2: model: must be linear, { hidden: [64] } or { module: ./my-model.ts }"],
    ["{ hidden: [64, 32] }", "{ hidden: [0] }", "2: model.hidden[0]: must be at least 1, not 0"],
    [
      "{ hidden: [64, 32] }",
      "{ hidden: [4], module: a.ts }",
      "2: model: has both hidden and module; use only one of them",
    ],
    [
      "name: adam",
      "name: adamw",
      '3: optimizer.name: must be one of sgd, momentum, adam, not "adamw"; did you mean "adam"?',
    ],
    ["learning_rate: 0.005", "learning_rate: 0", "3: optimizer.learning_rate: must be greater than 0, not 0"],
    ["learning_rate: 0.005", "learning_rate: .nan", "3: optimizer.learning_rate: must be a number, not NaN"],
    [
      "learning_rate: 0.005",
      "learningRate: 0.005",
      '3: optimizer.learningRate: unknown key; available: name, learning_rate, beta1, beta2, epsilon; did you mean "learning_rate"?',
    ],
    ["beta1: 0.8", "beta1: 1", "3: optimizer.beta1: must be less than 1, not 1"],
    ["remote_modules: true", "remote_modules: maybe", '12: remote_modules: must be true or false, not "maybe"'],
    ["sets: false", "sets: no", '13: sets: must be true or false, not "no"'],
    ["cotrain: true", "cotrain: [m1]", "14: cotrain: must be true or false, not a list"],
    ["batch: 32", "batch: 1.5", "4: batch: must be an integer, not 1.5"],
    ["steps: 1000", "steps: many", '5: steps: must be a number, not "many"'],
    ["warmup: 10", "warmup: 2000", "6: schedule.warmup: must be at most steps (1000), not 2000"],
    ["decay: constant", "decay: linear", '6: schedule.decay: must be one of constant, cosine, not "linear"'],
    [
      "name: proximal",
      "name: proximl",
      '7: protocol: unknown protocol "proximl"; available: async, proximal, causal; did you mean "proximal"?',
    ],
    ["sigma: 0.3", "sigma: -0.1", "7: protocol.sigma: must be at least 0, not -0.1"],
    ["sigma: 0.3", "sigma: 30", "7: protocol.sigma: must be at most 3, not 30"],
    ["sigma: 0.3", "sigma: big", '7: protocol.sigma: must be a number, not "big"'],
    ["sigma: 0.3", "sigma: [1]", "7: protocol.sigma: must be a finite number or a string"],
    [
      "sigma: 0.3",
      "sgima: 1",
      '7: protocol.sgima: proximal has no parameter "sgima"; available: lambda, sigma; did you mean "sigma"?',
    ],
    [
      "{ name: proximal, sigma: 0.3 }",
      "{ name: causal, source: oracel }",
      '7: protocol.source: must be one of auto, oracle, not "oracel"; did you mean "oracle"?',
    ],
    ["{ name: proximal, sigma: 0.3 }", "{ name: async, sigma: 1 }", "7: protocol.sigma: async has no parameters"],
    ["seed: 4", "seed: -4", "8: seed: must be at least 0, not -4"],
    ["{ every: 10m }", "sometimes", "9: train: must be on-demand, on-upstream or { every: 10m }"],
    [
      "{ every: 10m }",
      "{ every: 10 minutes }",
      '9: train.every: must be a duration like 30s, 10m, 6h or 1d, not "10 minutes"',
    ],
    ["{ every: 10m }", "{ every: 0.5s }", "9: train.every: must be at least 1s"],
    [
      "onnx:cpu",
      "gpu",
      '10: engine: must be one of auto, wasm, onnx, onnx:cpu, onnx:webgpu, onnx:cuda, tensorflow, reference, not "gpu"',
    ],
  ];

  test.each(cases)("%s -> %s", (from, to, problem) => {
    expect(FULL).toContain(from);
    expect(problemsOf(FULL.replace(from, to))).toEqual([`/teams/m2.yaml:${problem}`]);
  });

  test("reports all problems at once", () => {
    expect(problemsOf("batch: 0\nsteps: 0\ntrain: 3\nextra: 1\n").map((line) => line.split(": ")[1])).toEqual([
      "component",
      "batch",
      "model",
      "steps",
      "train",
      "extra",
    ]);
  });

  test("never throws: returns a team or problems with valid line numbers for any text", () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.constant(null),
      fc.object({ maxDepth: 2, maxKeys: 3 }),
    );
    const keys = [
      "component",
      "model",
      "optimizer",
      "batch",
      "steps",
      "schedule",
      "protocol",
      "seed",
      "train",
      "engine",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), (content) => {
        const text = JSON.stringify(content, null, 1);
        const result = parse(text);
        if (!("problems" in result)) return;
        expect(result.problems.length).toBeGreaterThan(0);
        for (const { line } of result.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split("\n").length);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("checkTeamAgainstPipeline", () => {
  const file = parsePipelineFile(
    `pipeline: paper
data: { source: synthetic, generator: two-stage, rows: 100 }
components:
  m1: { columns: [x1], output: { name: z, width: 3 }, target: z }
  m2: { columns: [x2], upstream: [m1], output: { name: y }, target: y }
`,
    "p.yaml",
  );
  if ("problems" in file) throw new Error("the pipeline of this test is invalid");
  const check = (text: string) =>
    checkTeamAgainstPipeline(parsed(text), file.pipeline, new Set(["causal"])).map(formatProblem);

  test("accepts a team of the pipeline", () => {
    expect(check(FULL)).toEqual([]);
    expect(check("component: m1\nmodel: linear\nprotocol: { name: proximal, lambda: 2 }\n")).toEqual([]);
  });

  test("rejects a component that is not in the pipeline", () => {
    expect(check("component: m3\nmodel: linear\n")).toEqual([
      '/teams/m2.yaml:1: component: pipeline "paper" has no component "m3"; available: m1, m2; did you mean "m1"?',
    ]);
  });

  test("rejects protocols and triggers that require upstream components for a component without any", () => {
    expect(check("component: m1\nmodel: linear\nprotocol: causal\ntrain: on-upstream\n")).toEqual([
      "/teams/m2.yaml:3: protocol: causal requires upstream components, but m1 has none",
      "/teams/m2.yaml:4: train: on-upstream requires upstream components, but m1 has none",
    ]);
  });
});
