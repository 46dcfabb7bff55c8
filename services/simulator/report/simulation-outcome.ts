import type { SimulationResults } from "../measures/simulation-results.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { SensitivityRow } from "../sensitivity/sensitivity.ts";

/** All that a simulation found. */
export interface SimulationOutcome {
  readonly results: SimulationResults;
  /** Of every policy on every seed. */
  readonly runs: readonly PolicyRun[];
  /** What changed assumptions do to the ranking; undefined if none was changed. */
  readonly sensitivity?: readonly SensitivityRow[];
}

/** The JSON of an outcome: its results, with `sensitivity` if assumptions were changed. */
export function outcomeJson({
  results,
  sensitivity,
}: SimulationOutcome): SimulationResults & Pick<SimulationOutcome, "sensitivity"> {
  return { ...results, ...(sensitivity !== undefined && { sensitivity }) };
}
