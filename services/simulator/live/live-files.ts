import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type ProtocolSpec } from "../../pipeline/team.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { LivePolicy } from "./live-policy.ts";

/** What a trainer is to train, in the terms of a wish. */
export interface LiveTraining {
  readonly team: string;
  readonly hidden: readonly number[];
  readonly steps: number;
  readonly seed: number;
}

/** Held-out rows with annotated outputs, for a gate that measures with them. */
const AUDITED_HELD_OUT = 500;

/** The pipeline file of a live run. JSON is YAML. @param data path of its data, relative to the file */
export function pipelineFileText(pipeline: Pipeline, scenario: Scenario, policy: LivePolicy, data: string): string {
  const { rows, heldOut } = scenario.training;
  const components = Object.fromEntries(
    pipeline.components.map(({ name, columns, upstream, output, loss, target }) => [
      name,
      { columns, upstream, output: { name: output.name, width: output.width, meaning: output.meaning }, target, loss },
    ]),
  );
  const audit = auditOf(pipeline, policy, heldOut);
  return lines({
    pipeline: pipeline.name,
    data: { source: "file", path: data, test_fraction: heldOut / (rows + heldOut) },
    components,
    objective: pipeline.objective,
    ...(audit !== undefined && { audit }),
    ...(policy.gate !== undefined && { gate: gateOf(policy.gate) }),
  });
}

/** The team file of one training; also of the trainer, which trains by it when it is not told otherwise. */
export function teamFileText({ team, hidden, steps, seed }: LiveTraining, policy: LivePolicy, protocol: ProtocolSpec) {
  return lines({
    component: team,
    model: { hidden },
    steps,
    schedule: { warmup: Math.min(DEFAULT_TEAM.schedule.warmup, steps >> 2) },
    protocol: { name: protocol.name, ...protocol.parameters },
    seed,
    ...(policy.gate !== undefined && { sets: policy.sets, cotrain: policy.cotrain }),
  });
}

function auditOf({ components }: Pipeline, { audited, gate }: LivePolicy, heldOut: number) {
  const read = new Set(components.flatMap(({ upstream }) => upstream));
  const columns = components.filter(({ name }) => read.has(name)).map(({ target }) => target);
  const rows = audited !== undefined && { rows: audited, columns };
  const annotated = gate !== undefined &&
    gate.measure !== "composed" && { held_out: Math.min(AUDITED_HELD_OUT, heldOut) };
  return rows === false && annotated === false ? undefined : { ...rows, ...annotated };
}

/** The keys that differ from the defaults of pipeline files in one of the policies. */
function gateOf({ mode, measure, bootstrap, transitionBudget }: GatePolicy) {
  return { mode, measure, bootstrap, transition_budget: `${100 * transitionBudget} %` };
}

function lines(keys: Readonly<Record<string, unknown>>): string {
  return Object.entries(keys)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}
