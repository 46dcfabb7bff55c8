import { ancestors, componentNamed } from "./dag.ts";
import type { Component, Pipeline } from "./pipeline.ts";

/** The columns that a component's own loss compares with. */
export function targetColumns({ target, logged }: Component): readonly string[] {
  return logged === undefined ? [target] : [target, logged.action, logged.propensity];
}

/**
 * The columns that a component's team can see in training rows: the columns that the component reads, its own target, and
 * the columns that its ancestors' snapshots read to impute its inputs. Never an ancestor's target.
 * @throws UncoupleError `not-found` for an unknown component
 */
export function visibleColumns(pipeline: Pipeline, component: string): readonly string[] {
  const own = componentNamed(pipeline, component);
  const imputing = ancestors(pipeline.components, component).flatMap((ancestor) => ancestor.columns);
  return [...new Set([...imputing, ...own.columns, ...targetColumns(own)])];
}
