import type { CounterfactualOracle } from "../../data/oracle.ts";
import { UncoupleError } from "../../pipeline/errors.ts";
import type { TrainingProblem } from "../training-problem.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";
import { oracleCounterfactual } from "./oracle-source.ts";
import type { CounterfactualSourceName } from "./source-names.ts";

/** What there is to learn the counterfactual output from. */
export interface CounterfactualEvidence {
  readonly problem: TrainingProblem;
  /** The generator's own function, where the data is synthetic. */
  readonly oracle?: CounterfactualOracle;
}

/**
 * One way to know ytilde := M2*(x2, zhat).
 */
export interface CounterfactualSource {
  readonly name: CounterfactualSourceName;
  /** Why the evidence does not identify ytilde this way, in one sentence; undefined when it does. */
  missing(evidence: CounterfactualEvidence): string | undefined;
  prepare(evidence: CounterfactualEvidence): Promise<CounterfactualFunction>;
}

const oracle: CounterfactualSource = {
  name: "oracle",
  missing: (evidence) =>
    evidence.oracle === undefined ? "the data source knows no data-generating function of this component" : undefined,
  prepare: async (evidence) =>
    oracleCounterfactual(evidence.problem, evidence.oracle as NonNullable<CounterfactualEvidence["oracle"]>),
};

/** In the order in which `auto` prefers them. */
const sources: readonly CounterfactualSource[] = [oracle];

/**
 * @param name a source, or `auto`: the first whose evidence is there
 * @throws UncoupleError `failed-precondition` saying why the data cannot identify the counterfactual output
 */
export async function prepareCounterfactual(
  name: string,
  evidence: CounterfactualEvidence,
): Promise<CounterfactualFunction> {
  const candidates = name === "auto" ? sources : sources.filter((source) => source.name === name);
  const chosen = candidates.find((source) => source.missing(evidence) === undefined);
  if (chosen !== undefined) return chosen.prepare(evidence);
  const reasons = candidates.map((source) => `${source.name}: ${source.missing(evidence)}`).join("; ");
  throw new UncoupleError(
    "failed-precondition",
    `${evidence.problem.component.name}: nothing identifies its counterfactual output (${reasons}). ` +
      "Its inputs, imputed values and target alone never can: some rows with annotated upstream targets are needed",
  );
}
