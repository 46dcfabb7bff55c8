import { expect, test } from "vitest";
import { formatProblem } from "../../../services/pipeline/files/problem.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import { parseScenarioFile, scenarioOfFlags } from "../../../services/simulator/scenario/scenario-file.ts";
import { scenarioText } from "../../../services/simulator/scenario/scenario-text.ts";

const problemsOf = (text: string) => {
  const parsed = parseScenarioFile(text, "org.yaml");
  return "problems" in parsed ? parsed.problems.map(formatProblem) : [];
};

test("keys that a file leaves out have their defaults", () => {
  const parsed = parseScenarioFile("scenario: tiny\nteams: 2\ntraining: { steps: 10, held_out: 200 }\n", "org.yaml");
  expect(parsed).toMatchObject({
    scenario: {
      name: "tiny",
      teams: [
        { name: "m1", reads: [] },
        { name: "m2", reads: ["m1"] },
      ],
      training: { hidden: [16], steps: 10, rows: 2000, heldOut: 200 },
      policies: ["async", "async-rejecting", "proximal", "causal"],
      seeds: [1],
      ticks: 52,
    },
  });
});

test("teams are named and read one another, and come in topological order", () => {
  const parsed = parseScenarioFile(
    "scenario: named\nteams: { rank: { hidden: [64] }, query: { every: 2 } }\nedges: { rank: [query] }\nseeds: [7, 3]\n",
    "org.yaml",
  );
  expect(parsed).toMatchObject({
    scenario: {
      teams: [
        { name: "query", reads: [], every: 2 },
        { name: "rank", reads: ["query"], hidden: [64] },
      ],
      seeds: [7, 3],
    },
  });
});

test("reports every problem at once, each with its line", () => {
  expect(
    problemsOf(`scenario: Bad
teams: { a: { hiden: [3] }, b: {} }
training:
  steps: 0
  held_out: some
cadence: { kind: weekly }
policies: [async, causl, "causal-audit:3", "blend", async]
seeds: [1, 1]
events:
  scripted:
    - { tick: 90, team: a, kind: upgrade, ticks: 2 }
drift: { inputs: -1 }
colour: red
`),
  ).toEqual([
    'org.yaml:1: scenario: must start with a letter and have at most 63 lowercase letters, digits and hyphens, not "Bad"',
    expect.stringMatching(/^org.yaml:2: teams.a.hiden: unknown key; available: hidden, steps, every, width/),
    "org.yaml:4: training.steps: must be at least 1, not 0",
    'org.yaml:5: training.held_out: must be a number, not "some"',
    expect.stringMatching(/^org.yaml:6: cadence.kind: must be one of poisson, periodic, bursty/),
    expect.stringMatching(
      /^org.yaml:7: policies\[1\]: unknown policy "causl"; available: sync, .*; did you mean "?causal"?\?$/,
    ),
    'org.yaml:7: policies[2]: causal-audit:N needs a whole number of audited rows, at least 20, not "causal-audit:3"',
    'org.yaml:7: policies[3]: blend:WEIGHT needs a number from 0 (async) to 1 (causal), not "blend"',
    'org.yaml:7: policies[4]: duplicate policy "async"',
    "org.yaml:8: seeds[1]: duplicate seed 1",
    "org.yaml:11: events.scripted[0].tick: is after the last tick, 52",
    "org.yaml:11: events.scripted[0].ticks: only an outage has a length",
    "org.yaml:12: drift.inputs: must be at least 0, not -1",
    expect.stringMatching(/^org.yaml:13: colour: unknown key/),
  ]);
});

test("edges name teams that exist, and form no cycle", () => {
  expect(problemsOf("scenario: s\nteams: { a: {}, b: {} }\nedges: { a: [b], b: [c] }\n")).toEqual([
    expect.stringMatching(/^org.yaml:3: edges.b\[0\]: unknown team "c"/),
  ]);
  expect(problemsOf("scenario: s\nteams: { a: {}, b: {} }\nedges: { a: [b], b: [a] }\n")).toEqual([
    "org.yaml:3: edges: the teams form a cycle: a <- b <- a",
  ]);
});

test("a gate is written as in a pipeline file, and enforces", () => {
  const text = (gate: string) => `scenario: s\nteams: { a: {}, b: {}, c: {} }\nedges: chain\ngate: ${gate}\n`;
  const parsed = parseScenarioFile(
    text("{ require: non-inferior, margin: 7 %, guards: { b: 0.3 % }, horizon: 20 }"),
    "org.yaml",
  );
  expect(parsed).toMatchObject({
    scenario: {
      gate: {
        ...DEFAULT_GATE,
        mode: "enforce",
        bootstrap: "newest",
        require: "non-inferior",
        horizon: 20,
        margin: 0.07,
        transitionBudget: 0.07,
        guards: { b: 0.003 },
      },
    },
  });
  if (!("scenario" in parsed)) throw new Error("not parsed");
  expect(parseScenarioFile(scenarioText(parsed.scenario), "scenario.yaml")).toEqual(parsed);
  expect(problemsOf(text("{ mode: observe, margn: 1 %, bootstrap: person }"))).toEqual([
    "org.yaml:4: gate.mode: must be enforce: a simulation has no people",
    "org.yaml:4: gate.bootstrap: must be newest: a simulation has no people",
    expect.stringMatching(
      /^org.yaml:4: gate.margn: unknown key; available: mode, require, .*; did you mean "margin"\?$/,
    ),
  ]);
  const split = "events: { scripted: [{ tick: 2, team: b, kind: split, into: [d, e] }] }\n";
  expect(problemsOf(text("{ guards: { b: 1 %, c: 1 % }, slices: [region] }") + split)).toEqual([
    expect.stringMatching(/^org.yaml:4: gate.guards.b: unknown component "b"; available: a, c/),
    expect.stringMatching(/^org.yaml:4: gate.guards.c: c is the objective/),
    expect.stringMatching(/^org.yaml:4: gate.slices\[0\]: "region" is not among the pipeline's slices/),
  ]);
});

test("a split has a team that exists then, and two names that no other team has", () => {
  const one = (event: string) => problemsOf(`scenario: s\nteams: 2\nevents: { scripted: [${event}] }\n`);
  expect(one("{ tick: 1, team: m1, kind: split, into: [a, b] }")).toEqual([]);
  expect(one("{ tick: 1, team: m1, kind: split, into: [a] }")).toEqual([
    "org.yaml:3: events.scripted[0].into: must have at least 2 items",
  ]);
  expect(one("{ tick: -1, team: m1, kind: split, into: [a, B] }")).toEqual([
    "org.yaml:3: events.scripted[0].tick: must be at least 0, not -1",
    expect.stringMatching(/^org.yaml:3: events.scripted\[0\].into\[1\]: must start with a letter and .*, not "B"$/),
  ]);
  expect(
    problemsOf(`scenario: s
teams: { a: {}, b: {} }
ticks: 20
events:
  scripted:
    - { tick: 5, team: c, kind: split, into: [d, e] }
    - { tick: 5, team: a, kind: split, into: [a, b] }
    - { tick: 6, team: a, kind: split, into: [f, f] }
    - { tick: 6, team: b, kind: split }
    - { tick: 21, team: d, kind: split, into: [h, i] }
    - { tick: 3, team: d, kind: outage, into: [k, l] }
    - { tick: 5, team: f, kind: upgrade }
`),
  ).toEqual([
    'org.yaml:6: events.scripted[0].team: unknown team "c"; did you mean "a"?',
    'org.yaml:7: events.scripted[1].into[0]: duplicate team "a"',
    'org.yaml:7: events.scripted[1].into[1]: duplicate team "b"',
    'org.yaml:8: events.scripted[2].into[1]: duplicate team "f"',
    "org.yaml:9: events.scripted[3].into: is missing; must be the names of the two teams of a split",
    "org.yaml:10: events.scripted[4].tick: is after the last tick, 20",
    "org.yaml:11: events.scripted[5].into: only a split names teams that take the place of another",
    "org.yaml:11: events.scripted[5].team: d does not exist at tick 3",
    "org.yaml:12: events.scripted[6].team: f does not exist at tick 5",
  ]);
});

test("flags set the same keys, and say which of them is wrong", () => {
  expect(scenarioOfFlags({ scenario: "flags", teams: 3, edges: "chain", seeds: 2 })).toMatchObject({ seeds: [1, 2] });
  expect(() => scenarioOfFlags({ scenario: "flags", teams: 3, edges: "ring", policies: ["sink"] })).toThrow(
    /^--edges: must be one of chain, .*\n--policies: unknown policy "sink"/,
  );
});
