import { consumers, sinks } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import type { Scenario } from "./scenario.ts";

/** The data column that a team's component reads of its own. */
export function columnOf(team: string): string {
  return `x_${team}`;
}

/** The output of a team's component, which is also the column of its observed target. */
export function outputOf(team: string): string {
  return `z_${team}`;
}

/** The pipeline of a scenario: one component a team; the pipeline loss is the sum of the losses that no other reads. */
export function scenarioPipeline({ name, teams, truth, training }: Scenario, seed: number): Pipeline {
  const nodes = teams.map((team) => ({ ...team, upstream: team.reads }));
  const components = nodes.map(({ name: team, upstream }): Component => {
    const isRead = consumers(nodes, team).length > 0;
    const width = isRead ? truth.outputs : 1;
    return {
      name: team,
      columns: [columnOf(team)],
      upstream,
      output: { name: outputOf(team), width, meaning: width === 1 ? "scalar" : "real" },
      loss: "mse",
      target: outputOf(team),
    };
  });
  const ends = sinks(nodes).map((sink) => sink.name);
  const [only, ...others] = ends;
  const rows = training.rows + training.heldOut;
  return {
    name,
    components,
    objective: only !== undefined && others.length === 0 ? only : Object.fromEntries(ends.map((end) => [end, 1])),
    data: { source: "synthetic", generator: "organization", seed, rows, testFraction: training.heldOut / rows },
  };
}
