import type { Component, Pipeline } from "../pipeline/pipeline.ts";

export function componentOf(pipeline: Pipeline, name: string): Component | undefined {
  return pipeline.components.find((component) => component.name === name);
}

/** Names of a component and of everything that it depends on, in topological order. */
export function closureOf(pipeline: Pipeline, name: string): readonly string[] {
  const needed = new Set([name]);
  // Every component stands behind its upstream, so one pass from the back finds them all.
  for (const component of [...pipeline.components].reverse()) {
    if (needed.has(component.name)) for (const upstream of component.upstream) needed.add(upstream);
  }
  return pipeline.components.map((component) => component.name).filter((candidate) => needed.has(candidate));
}

/** The components that read a component's output themselves. */
export function consumersOf(pipeline: Pipeline, name: string): readonly Component[] {
  return pipeline.components.filter((component) => component.upstream.includes(name));
}
