import { expect, test } from "vitest";
import { scenarioPipeline } from "../../../services/simulator/scenario/scenario-pipeline.ts";
import { livesOf, stagesOf } from "../../../services/simulator/scenario/stages.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

/** A chain of three, whose middle is split in two, and the first half of it again. */
const scenario = smallScenario({
  teams: { query: {}, rank: { hidden: [12], every: 3 }, price: {} },
  edges: { rank: ["query"], price: ["rank"] },
  events: {
    scripted: [
      { tick: 4, team: "retrieve", kind: "split", into: ["fetch", "filter"] },
      { tick: 2, team: "rank", kind: "split", into: ["retrieve", "order"] },
    ],
  },
});
const stages = stagesOf(scenario);

test("a split puts two teams, of which the second reads the first, where there was one", () => {
  const edges = stages.map(({ teams }) => Object.fromEntries(teams.map(({ name, reads }) => [name, reads])));
  expect(edges).toEqual([
    { query: [], rank: ["query"], price: ["rank"] },
    { query: [], retrieve: ["query"], order: ["retrieve"], price: ["order"] },
    { query: [], fetch: ["query"], filter: ["fetch"], order: ["filter"], price: ["order"] },
  ]);
  expect(stages.map(({ from }) => from)).toEqual([0, 2, 4]);
  expect(stages[2]?.teams[2]).toMatchObject({ name: "filter", hidden: [12], every: 3 });
});

test("one model stands for the functions of the teams to come, and keeps the output that others read", () => {
  const pipelines = stages.map((stage) => scenarioPipeline(scenario, stage, 1));
  expect(pipelines[0]?.components[1]).toMatchObject({
    columns: ["x_fetch", "x_filter", "x_order"],
    output: { name: "z_order", width: 2 },
    target: "z_order",
  });
  expect(pipelines[1]?.components[1]).toMatchObject({ columns: ["x_fetch", "x_filter"], target: "z_filter" });
  const outputs = pipelines.map(({ components }) => components.find(({ name }) => name === "price")?.output);
  expect(new Set(outputs.map((output) => JSON.stringify(output))).size).toBe(1);
});

test("every team has its time, and comes after the one whose place it takes", () => {
  expect(livesOf(stages).map(({ team, from, to }) => [team.name, from, to])).toEqual([
    ["query", 0, Number.POSITIVE_INFINITY],
    ["rank", 0, 2],
    ["retrieve", 2, 4],
    ["fetch", 4, Number.POSITIVE_INFINITY],
    ["filter", 4, Number.POSITIVE_INFINITY],
    ["order", 2, Number.POSITIVE_INFINITY],
    ["price", 0, Number.POSITIVE_INFINITY],
  ]);
});
