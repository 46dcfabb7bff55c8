import type { Value } from "./graph/ir.ts";
import { type FlatStep, flattenState } from "./passes/flat-state.ts";
import type { Pass } from "./passes/pass.ts";
import { type ScalarSchedule, type ScheduledStep, scheduleScalars } from "./passes/scalar-schedule.ts";
import { simplify } from "./passes/simplify.ts";
import { applyToStep, type RecordedStep } from "./tracing/record-step.ts";

/** The input of every code generator: a recorded step, simplified, with flat state vectors and scalars computed ahead. */
export interface PreparedStep {
  readonly step: ScheduledStep;
  readonly schedule: ScalarSchedule;
}

/** @param optimize the generator's own passes */
export function prepareStep({ step }: RecordedStep, optimize: Pass): PreparedStep {
  return scheduleScalars(applyToFlat(flattenState(applyToStep(step, simplify)), optimize));
}

function applyToFlat(flat: FlatStep, pass: Pass): FlatStep {
  const graph = pass({
    inputs: [],
    nodes: flat.nodes,
    outputs: [
      ...flat.carried.map(({ after }, index) => ({ name: String(index), value: after })),
      { name: "loss", value: flat.loss },
    ],
  });
  return {
    ...flat,
    nodes: graph.nodes,
    carried: flat.carried.map((state, index) => ({ ...state, after: graph.outputs[index]?.value as Value })),
    loss: graph.outputs.at(-1)?.value as Value,
  };
}
