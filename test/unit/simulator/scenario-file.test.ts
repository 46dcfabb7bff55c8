import { expect, test } from "vitest";
import { formatProblem } from "../../../services/pipeline/files/problem.ts";
import { parseScenarioFile, scenarioOfFlags } from "../../../services/simulator/scenario/scenario-file.ts";

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

test("flags set the same keys, and say which of them is wrong", () => {
  expect(scenarioOfFlags({ scenario: "flags", teams: 3, edges: "chain", seeds: 2 })).toMatchObject({ seeds: [1, 2] });
  expect(() => scenarioOfFlags({ scenario: "flags", teams: 3, edges: "ring", policies: ["sink"] })).toThrow(
    /^--edges: must be one of chain, .*\n--policies: unknown policy "sink"/,
  );
});
