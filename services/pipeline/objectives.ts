import { closureOf } from "./dag.ts";
import type { Pipeline } from "./pipeline.ts";

/** A component whose own loss is part of the pipeline loss. */
export interface Objective {
  readonly component: string;
  /** Above 0; 1 if it is the only one. */
  readonly weight: number;
}

/** The components whose losses, times their weights, add up to the pipeline loss, in topological order. */
export function objectivesOf({ components, objective }: Pipeline): readonly Objective[] {
  if (typeof objective === "string") return [{ component: objective, weight: 1 }];
  const weights = new Map(Object.entries(objective));
  return components.flatMap(({ name }) => {
    const weight = weights.get(name);
    return weight === undefined ? [] : [{ component: name, weight }];
  });
}

/** The objective of a pipeline that has one. @throws Error if it has several */
export function soleObjective({ name, objective }: Pipeline): string {
  if (typeof objective !== "string") throw new Error(`pipeline ${name} has several objectives`);
  return objective;
}

/** Names of all components that the pipeline loss depends on, in topological order. */
export function objectiveClosure(pipeline: Pipeline): readonly string[] {
  const needed = new Set(objectivesOf(pipeline).flatMap(({ component }) => closureOf(pipeline, component)));
  return pipeline.components.map(({ name }) => name).filter((name) => needed.has(name));
}

/** The pipeline loss for people: `revenue`, or `1 x tip + 0.2 x fare`. */
export function objectiveText(pipeline: Pipeline): string {
  if (typeof pipeline.objective === "string") return pipeline.objective;
  return objectivesOf(pipeline)
    .map(({ component, weight }) => `${weight} x ${component}`)
    .join(" + ");
}
