import { consumers, sinks } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stages.ts";

/** The data column that a true function reads of its own. */
export function columnOf(name: string): string {
  return `x_${name}`;
}

/** The output of a true function, which is also the column of its observed values. */
export function outputOf(name: string): string {
  return `z_${name}`;
}

/**
 * The pipeline of a stage: one component a team, with the columns of its true functions and the output of the last one, so that
 * what reads it reads the same after a split. The pipeline loss is the sum of the losses that no other reads.
 */
export function scenarioPipeline({ name, truth, training }: Scenario, { teams }: Stage, seed: number): Pipeline {
  const nodes = teams.map((team) => ({ ...team, upstream: team.reads }));
  const components = nodes.map(({ name: team, upstream, functions }): Component => {
    const isRead = consumers(nodes, team).length > 0;
    const width = isRead ? truth.outputs : 1;
    const output = outputOf(functions.at(-1) as string);
    return {
      name: team,
      columns: functions.map(columnOf),
      upstream,
      output: { name: output, width, meaning: width === 1 ? "scalar" : "real" },
      loss: "mse",
      target: output,
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
