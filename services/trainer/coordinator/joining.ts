import type { JoiningWorker, RefusedWorker } from "../../rpc/services/coordinator-service.ts";
import type { CoordinatorSettings } from "./coordinator.ts";
import type { CoordinatorState } from "./machine/state.ts";

/** @returns why a worker may not join; undefined if it may */
export function refusalOf(
  worker: JoiningWorker,
  { pipeline, component, codeVersion, enabled }: CoordinatorSettings,
  { quarantined }: CoordinatorState,
): RefusedWorker | undefined {
  if (worker.pipeline !== undefined && worker.pipeline !== pipeline) {
    return { refusal: "pipeline", reason: `this trainer belongs to pipeline ${pipeline}, not ${worker.pipeline}` };
  }
  if (worker.component !== undefined && worker.component !== component) {
    return { refusal: "component", reason: `this trainer trains component ${component}, not ${worker.component}` };
  }
  if (worker.codeVersion !== codeVersion) {
    return {
      refusal: "version",
      reason: `the trainer has version ${codeVersion} of Uncouple, the worker ${worker.codeVersion}; install the trainer's`,
    };
  }
  if (!enabled)
    return { refusal: "no-workers", reason: `the team file of ${component} has no workers; add workers: {}` };
  const evidence = quarantined.get(worker.name);
  if (evidence === undefined) return undefined;
  const { unit, got, expected } = evidence;
  return {
    refusal: "quarantined",
    reason: `a worker named ${worker.name} returned ${got} instead of ${expected} for slot ${unit.slot}, steps from ${unit.first}; check its machine, or give it another name`,
  };
}
