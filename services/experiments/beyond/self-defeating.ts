import type { Engine } from "../../engine/interface/engine.ts";
import type { DiagnosisPart } from "../../learning/diagnosis/decompose.ts";
import { diagnoseUpdate, type UpdateDiagnosis } from "../../learning/diagnosis/diagnose-update.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import type { Sizes } from "../paper/two-stage.ts";
import { knownUpdate } from "./known-updates.ts";

/**
 * Updates of M1 with known causes that improve its own loss but degrade the pipeline even with M2 retrained.
 * `near-far`: the new M1 is right about far objects, which dominate its squared error, and loses the near ones that M2
 * needs; the pipeline's loss increases by 1/6, all of it upstream error. `cube`: the new M1 is exact, but a linear M2
 * cannot use its output; the loss increases by 4/75, all of it approximation error.
 */
export const SELF_DEFEATING_CASES = ["near-far", "cube"] as const;
export type SelfDefeatingCase = (typeof SELF_DEFEATING_CASES)[number];

/** Diagnoses both cases on one seed. */
export async function diagnosesOf(
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
): Promise<readonly UpdateDiagnosis[]> {
  const diagnoses: UpdateDiagnosis[] = [];
  for (const name of SELF_DEFEATING_CASES) {
    const { rows, downstreamSteps: steps } = sizes;
    const options = { seed, rows, heldOut: rows, steps, engine, ...(signal !== undefined && { signal }) };
    diagnoses.push(await diagnoseUpdate(knownUpdate(name, options).update));
  }
  return diagnoses;
}

export interface DiagnosedUpdates {
  readonly experiment: "diagnosis";
  readonly seeds: readonly number[];
  readonly rows: readonly {
    readonly case: SelfDefeatingCase;
    /** Increase in the pipeline's loss with M2 retrained. */
    readonly change: Summary;
    readonly parts: Readonly<Record<DiagnosisPart, Summary>>;
    /** Number of seeds in which each part was named as the cause. */
    readonly named: Readonly<Record<DiagnosisPart | "none", number>>;
  }[];
}

export function diagnosedUpdates(
  seeds: readonly number[],
  perSeed: readonly (readonly UpdateDiagnosis[])[],
): DiagnosedUpdates {
  const rows = SELF_DEFEATING_CASES.map((name, at) => {
    const diagnoses = perSeed.map((cases) => cases[at] as UpdateDiagnosis);
    const part = (which: DiagnosisPart) => summarize(diagnoses.map(({ parts }) => parts[which].value));
    const named = (which: DiagnosisPart | null) => diagnoses.filter(({ cause }) => cause === which).length;
    return {
      case: name,
      change: summarize(diagnoses.map(({ change }) => change.value)),
      parts: { upstream: part("upstream"), approximation: part("approximation"), estimation: part("estimation") },
      named: {
        upstream: named("upstream"),
        approximation: named("approximation"),
        estimation: named("estimation"),
        none: named(null),
      },
    };
  });
  return { experiment: "diagnosis", seeds, rows };
}
