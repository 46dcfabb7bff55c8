import type { NamedValue, Node, Value } from "./ir.ts";

/** A named tensor of the training state in a step's graph. */
export interface StepState {
  readonly name: string;
  readonly before: Value;
  readonly after: Value;
}

/** One training step as a graph from (state, batch, learning rate) to (state, loss). */
export interface StepGraph {
  readonly nodes: readonly Node[];
  readonly states: readonly StepState[];
  /** Rows of resident columns and feeds, float32 [batch, width]. */
  readonly batch: readonly NamedValue[];
  /** Learning rate and its negative, float32 scalars. */
  readonly rate: Value;
  readonly negativeRate: Value;
  /** Scalar, before the update. */
  readonly loss: Value;
}
