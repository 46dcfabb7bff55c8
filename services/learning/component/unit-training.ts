import { DEFAULT_WORKERS } from "../../pipeline/team.ts";
import type { Train } from "../training/run-training.ts";
import { createLocalRunner } from "../units/local-runner.ts";
import { runInUnits, type UnitPlan } from "../units/run-in-units.ts";
import type { NumericsRule, UnitRunner } from "../units/unit.ts";
import type { ComponentTraining } from "./training-backend.ts";

/** How the units of a training are made and run. */
export interface UnitTrainingPlan {
  readonly plan: UnitPlan;
  readonly rule: NumericsRule;
  readonly runner: UnitRunner;
}

/** The plan of a training that runs in units; undefined: it runs in this process, as one. */
export function unitPlanOf(
  training: Pick<ComponentTraining, "team" | "units" | "begun" | "engine">,
): UnitTrainingPlan | undefined {
  const { team, units, begun, engine } = training;
  if (units === undefined && team.workers === undefined) return undefined;
  const { audit, numerics, fallback } = team.workers ?? DEFAULT_WORKERS;
  return {
    plan: team.workers ?? { slots: 1, syncEvery: team.steps },
    rule: { audit, numerics, fallback, ...(begun !== undefined && { begun }) },
    runner: units ?? createLocalRunner(engine.clock),
  };
}

/** Runs each fit of a helper network as one unit. */
export function fitInUnits({ runner, rule: { begun: _, ...rule } }: UnitTrainingPlan): Train {
  return (run) => runInUnits(run, { slots: 1, syncEvery: run.steps }, runner, rule);
}
