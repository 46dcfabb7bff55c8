import { ancestors } from "./dag.ts";
import type { Pipeline } from "./pipeline.ts";

/** Names of everything that a component's output depends on, itself last, in topological order. */
export function closureOf(pipeline: Pipeline, name: string): readonly string[] {
  return [...ancestors(pipeline.components, name).map((component) => component.name), name];
}
