import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { protocolCatalog } from "../../../../services/learning/protocols/all.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { parseConfiguredTeam, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";
import type { SearchParameters } from "../../../../services/pipeline/search.ts";

const head = "component: m2\nmodel: { hidden: [64] }\nsteps: 1000\nsearch:\n";

function parse(search: string) {
  return parseTeamFile(`${head}${search}`, "team.yaml", protocolCatalog);
}

function problems(search: string): readonly string[] {
  const parsed = parse(search);
  return "problems" in parsed ? parsed.problems.map(formatProblem) : [];
}

test("a search has defaults for everything but its parameters", () => {
  const parsed = parse("  parameters:\n    batch: { choices: [32, 64] }\n");
  expect(parsed).toMatchObject({
    search: { sampler: "quasi-random", pruning: { name: "halving", factor: 3 }, validation: 0.2, seed: 1 },
  });
});

test("a search can say everything", () => {
  const parsed = parse(`  parameters:
    optimizer.learning_rate: { low: 0.001, high: 0.1, log: true }
    optimizer.name: { choices: [adam, momentum, sgd] }
    optimizer.momentum: { low: 0.5, high: 0.99, when: { optimizer.name: momentum } }
    model.hidden: { choices: [[8], [64, 64]] }
    protocol.name: { choices: [async, proximal] }
    protocol.sigma: { low: 0.1, high: 0.5, when: { protocol.name: [proximal] } }
    steps: { low: 500, high: 2000, integer: true }
  sampler: random
  pruning: { name: median, after: 3, every: 50 }
  stop_early: { patience: 4, every: 25 }
  validation: 12.5 %
  seed: 9
`);
  expect("problems" in parsed ? parsed.problems : parsed.search).toMatchObject({
    sampler: "random",
    pruning: { name: "median", after: 3, every: 50 },
    stopEarly: { patience: 4, every: 25 },
    validation: 0.125,
    seed: 9,
  });
});

describe("problems have the line of the search's key", () => {
  const one = (text: string) => `  parameters:\n    ${text}\n`;
  test.each([
    ["batch: { low: 9, high: 3 }", "team.yaml:6: search.parameters.batch.high: must be greater than low (9), not 3"],
    [
      "optimizer.learning_rate: { low: 0, high: 3, log: true }",
      'team.yaml:6: search.parameters["optimizer.learning_rate"].low: must be greater than 0 with log: true, not 0',
    ],
    [
      "batch: { low: 1.5, high: 3, integer: true }",
      "team.yaml:6: search.parameters.batch.low: must be an integer with integer: true, not 1.5",
    ],
    ["batch: { choices: [1, 2, 1] }", "team.yaml:6: search.parameters.batch.choices[2]: duplicate entry 1"],
    [
      "batch: { choices: [.nan, 1] }",
      "team.yaml:6: search.parameters.batch.choices[0]: must be text, a finite number, true, false, null, a list or a mapping",
    ],
    [
      "batch: { low: 1, high: 20 }",
      "team.yaml:6: search.parameters.batch: with the value 8.257, must be an integer, not 8.257",
    ],
    ["batch: { choices: [] }", "team.yaml:6: search.parameters.batch.choices: must have at least 1 item"],
    ["batch: 32", "team.yaml:6: search.parameters.batch: must be { low: 1, high: 10 } or { choices: [1, 10] }, not 32"],
    [
      "engine: { choices: [wasm] }",
      "team.yaml:6: search.parameters.engine: cannot be searched; use a key that changes a training, in or under: model, optimizer, batch, steps, schedule, protocol, seed",
    ],
    [
      "batch: { choices: [1, 2], when: { steps: 3 } }",
      "team.yaml:6: search.parameters.batch.when.steps: must be a parameter with choices that is listed before this one",
    ],
    [
      "batch: { choices: [32, 0] }",
      "team.yaml:6: search.parameters.batch: with the value 0, must be at least 1, not 0",
    ],
    [
      "schedule.warmup: { low: 0, high: 2000, integer: true }",
      'team.yaml:6: search.parameters["schedule.warmup"]: with the value 2000, must be at most steps (1000), not 2000',
    ],
    [
      "optimizer.momentum: { low: 0.5, high: 0.9 }",
      'team.yaml:6: search.parameters["optimizer.momentum"]: with the value 0.5, unknown key; available: name, learning_rate, beta1, beta2, epsilon',
    ],
    [
      "protocol.name: { choices: [async, nonsense] }",
      /^team.yaml:6: search.parameters\["protocol.name"\]: with the value "nonsense", /,
    ],
  ])("%s", (text, message) => {
    const found = problems(one(text));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  test.each([
    ["  sampler: tpe\n", 'team.yaml:5: search.sampler: must be one of quasi-random, random, not "tpe"'],
    [
      "  pruning: hyperband\n",
      'team.yaml:5: search.pruning.name: must be one of none, halving, median, not "hyperband"',
    ],
    ["  pruning: { name: halving, factor: 1 }\n", "team.yaml:5: search.pruning.factor: must be at least 2, not 1"],
    ["  stop_early: { patience: 0 }\n", "team.yaml:5: search.stop_early.patience: must be at least 1, not 0"],
    [
      "  validation: 95 %\n",
      'team.yaml:5: search.validation: must be a share of the training rows of at most 90 %, such as 20 %, not "95 %"',
    ],
    [
      "  trials: 5\n",
      "team.yaml:5: search.trials: unknown key; available: parameters, sampler, pruning, stop_early, validation, seed",
    ],
  ])("%s", (text, message) => {
    expect(problems(`${text}${one("batch: { choices: [1, 2] }")}`)).toEqual([message]);
  });

  test.each(["model.__proto__.polluted", "optimizer.constructor.polluted"])("%s reaches no other object", (key) => {
    expect(problems(one(`${key}: { choices: [1] }`))).not.toEqual([]);
    parseConfiguredTeam(head, "team.yaml", { [key]: 1 }, protocolCatalog);
    expect({}).not.toHaveProperty("polluted");
    expect(Object).not.toHaveProperty("polluted");
  });

  test("a training that would be measured too often, also by a sampler outside", () => {
    const often = `${one("steps: { low: 100, high: 2000, integer: true }")}  pruning: { name: median, every: 1 }\n`;
    expect(problems(often)).toEqual([
      "team.yaml:6: search.parameters.steps: with the value 2000, search.pruning.every: must be at least 2 for 2000 steps (1000 measurements), not 1",
    ]);
    const text = `${head}${one("batch: { choices: [1, 2] }")}  stop_early: { every: 1 }\n`;
    expect(parseTeamFile(text, "team.yaml", protocolCatalog)).toHaveProperty("search");
    const configured = parseConfiguredTeam(text, "team.yaml", { steps: 1_000_000_000 }, protocolCatalog);
    expect("problems" in configured && configured.problems.map(formatProblem)).toEqual([
      "team.yaml:7: search.stop_early.every: must be at least 1000000 for 1000000000 steps (1000 measurements), not 1",
    ]);
  });

  test("a condition without values", () => {
    const text = "  parameters:\n    seed: { choices: [1, 2] }\n    batch: { choices: [8, 9], when: { seed: [] } }\n";
    expect(problems(text)).toEqual([
      "team.yaml:7: search.parameters.batch.when.seed: must be one or several of the choices of seed (1, 2), not an empty list",
    ]);
  });

  test("a search without parameters", () => {
    expect(problems("  seed: 1\n")).toEqual([
      "team.yaml:4: search.parameters: must map keys of this file to ranges, such as optimizer.learning_rate: { low: 0.001, high: 0.1 }",
    ]);
  });

  test("parts of a key that is searched as a whole", () => {
    expect(problems("  parameters:\n    model: { choices: [linear] }\n    model.hidden: { choices: [[8]] }\n")).toEqual(
      [
        'team.yaml:7: search.parameters["model.hidden"]: is part of model, which is searched, too; search only one of them',
      ],
    );
  });
});

test("keys are set in files that leave them out or abbreviate them", () => {
  const text = "component: m2\nmodel: linear\noptimizer: sgd\n";
  const parsed = parseConfiguredTeam(
    text,
    "team.yaml",
    { "model.hidden": [8], "optimizer.learning_rate": 0.5, "protocol.name": "proximal", "protocol.sigma": 0.2 },
    protocolCatalog,
  );
  expect(parsed).toMatchObject({
    team: {
      model: { kind: "dense", hidden: [8] },
      optimizer: { name: "sgd", learningRate: 0.5 },
      protocol: { name: "proximal", parameters: { sigma: 0.2 } },
    },
  });
});

describe("what --write puts into the file can be searched again", () => {
  const search = `search:
  parameters:
    protocol.name: { choices: [async, proximal] }
    protocol.sigma: { low: 0.1, high: 0.5, when: { protocol.name: proximal } }
    steps: { low: 100, high: 900, integer: true }
`;
  const configure = (text: string, parameters: SearchParameters) =>
    parseConfiguredTeam(text, "team.yaml", parameters, protocolCatalog);

  test("a key with a condition that does not hold is left out", () => {
    const text = `component: m2\nmodel: linear\nprotocol: { name: proximal, sigma: 0.2 }\n${search}`;
    expect(parseTeamFile(text, "team.yaml", protocolCatalog)).toMatchObject({ search: { seed: 1 } });
    expect(configure(text, { "protocol.name": "async", steps: 300 })).toMatchObject({
      team: { protocol: { name: "async", parameters: {} }, steps: 300 },
    });
  });

  test("trials train to their last step", () => {
    const text = `component: m2\nmodel: linear\nsteps: 800\nstop_after: 700\n${search}`;
    expect(parseTeamFile(text, "team.yaml", protocolCatalog)).toMatchObject({ team: { stopAfter: 700 } });
    const configured = configure(text, { "protocol.name": "async", steps: 300 });
    expect("team" in configured ? configured.team : configured.problems).not.toHaveProperty("stopAfter");
  });
});

test("every search in docs/tuning.md is valid", () => {
  const blocks = readFileSync("docs/tuning.md", "utf8").matchAll(/^```yaml\n(.*?)^```/gms);
  const files = Array.from(blocks, ([, text = ""]) =>
    text.includes("component:") ? text : `component: m2\nmodel: { hidden: [64] }\n${text}`,
  );
  expect(files).not.toHaveLength(0);
  for (const text of files) {
    const parsed = parseTeamFile(text, "docs/tuning.md", protocolCatalog);
    expect("problems" in parsed ? parsed.problems : []).toEqual([]);
  }
});
