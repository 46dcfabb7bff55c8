import { describe, expect, test } from "vitest";
import { objectiveClosure, objectivesOf, objectiveText } from "../../../services/pipeline/objectives.ts";
import { component, pipelineOf } from "../../helpers/linear-pipelines.ts";

const components = [
  component({ name: "trip" }),
  component({ name: "weather" }),
  component({ name: "fare", upstream: ["trip"] }),
  component({ name: "tip", upstream: ["fare", "weather"] }),
  component({ name: "audit", upstream: ["tip"] }),
];

describe("the objectives of a pipeline", () => {
  test("are one component with weight 1, or several, in topological order", () => {
    expect(objectivesOf(pipelineOf(components, "tip"))).toEqual([{ component: "tip", weight: 1 }]);
    expect(objectivesOf(pipelineOf(components, { tip: 1, fare: 0.2 }))).toEqual([
      { component: "fare", weight: 0.2 },
      { component: "tip", weight: 1 },
    ]);
  });

  test("depend on all that one of them depends on, each before what reads it", () => {
    expect(objectiveClosure(pipelineOf(components, "fare"))).toEqual(["trip", "fare"]);
    expect(objectiveClosure(pipelineOf(components, { weather: 1, fare: 0.2 }))).toEqual(["trip", "weather", "fare"]);
    expect(objectiveClosure(pipelineOf(components, { tip: 1, fare: 0.2 }))).toEqual(["trip", "weather", "fare", "tip"]);
  });

  test("are written as a sum", () => {
    expect(objectiveText(pipelineOf(components, "tip"))).toBe("tip");
    expect(objectiveText(pipelineOf(components, { tip: 1, fare: 0.2 }))).toBe("0.2 x fare + 1 x tip");
  });
});
