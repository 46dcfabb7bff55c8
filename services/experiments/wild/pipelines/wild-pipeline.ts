import type { Component } from "../../../pipeline/pipeline.ts";

/** A public table, divided into the stages of a pipeline whose intermediate values were observed. */
export interface WildPipeline {
  /** Also the name of its table: `benchmark/data/NAME.csv`, with a column `row` that identifies rows. */
  readonly name: string;
  /** What predicts what: one line, for people. */
  readonly summary: string;
  /** In topological order; the last one is the objective, all others have numeric targets. */
  readonly components: readonly Component[];
  /** Training rows in which a team may see the true upstream values, if its method needs them. */
  readonly audited: number;
  /** Training steps of each component. */
  readonly steps: number;
}

/** A component that predicts a numeric column from columns and the predictions of other components. */
export function regression(
  name: string,
  columns: readonly string[],
  upstream: readonly string[],
  target: string,
): Component {
  return { name, columns, upstream, target, loss: "mse", output: { name: target, width: 1, meaning: "scalar" } };
}

/** A component that predicts the probability of each class of a text column. */
export function classification(
  name: string,
  columns: readonly string[],
  upstream: readonly string[],
  target: string,
  classes: readonly string[],
): Component {
  const output = { name: target, width: classes.length, meaning: "probabilities", classes } as const;
  return { name, columns, upstream, target, loss: "cross-entropy", output };
}
