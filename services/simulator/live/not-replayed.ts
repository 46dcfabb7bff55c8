import type { Scenario } from "../scenario/scenario.ts";

/** The parts of a scenario that running services cannot follow, as its keys; empty if they follow all of it. */
export function notReplayed({ drift, training }: Scenario): readonly string[] {
  return [
    ...(drift.inputs === 0 ? [] : ["drift.inputs"]),
    ...(drift.truth === 0 ? [] : ["drift.truth"]),
    ...(training.growth === 0 ? [] : ["training.growth"]),
    ...(training.staleness === 0 ? [] : ["training.staleness"]),
  ];
}
