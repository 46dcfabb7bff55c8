import { describe, expect, it } from "vitest";
import { diagnosedDownstream } from "../../../../services/learning/diagnosis/diagnose-update.ts";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";

const component = (name: string, ...upstream: string[]): Component => ({
  name,
  columns: ["x"],
  upstream,
  output: { name: `${name}-output`, width: 1, meaning: "real" },
  loss: "mse",
  target: `${name}-target`,
});
const pipeline: Pipeline = {
  name: "fork",
  components: [component("m1"), component("left", "m1"), component("right", "m1"), component("end", "left", "right")],
  objective: "end",
  data: { source: "synthetic", generator: "diamond", seed: 1, rows: 100, testFraction: 0.5 },
};

describe("the downstream whose loss is explained", () => {
  it("is the only consumer, or the objective if it is one of several consumers", () => {
    expect(diagnosedDownstream(pipeline, "left").name).toBe("end");
    expect(diagnosedDownstream({ ...pipeline, objective: "right" }, "m1").name).toBe("right");
  });

  it("is the only one of several objectives that reads from the component", () => {
    expect(diagnosedDownstream({ ...pipeline, objective: { right: 1, end: 0.5 } }, "m1").name).toBe("right");
    expect(diagnosedDownstream({ ...pipeline, objective: { m1: 1, end: 0.5 } }, "left").name).toBe("end");
    const both = { ...pipeline, objective: { left: 1, right: 0.5 } };
    expect(() => diagnosedDownstream(both, "m1")).toThrow(/\(left, right\); choose the one whose loss/);
    expect(diagnosedDownstream(both, "m1", "left").name).toBe("left");
  });

  it("can be any descendant, by name", () => {
    expect(diagnosedDownstream(pipeline, "m1", "end").name).toBe("end");
  });

  it("must be named if several components qualify, and must read from the component", () => {
    expect(() => diagnosedDownstream(pipeline, "m1")).toThrow(/\(left, right\); choose the one whose loss/);
    expect(() => diagnosedDownstream(pipeline, "end")).toThrow(/no component reads from end/);
    expect(() => diagnosedDownstream(pipeline, "left", "right")).toThrow(/right does not read from left/);
    expect(() => diagnosedDownstream(pipeline, "m9")).toThrow(/no component "m9"/);
  });
});
