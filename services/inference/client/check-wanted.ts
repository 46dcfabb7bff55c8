import { checkOutput } from "../../learning/snapshot/check-output.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import { type Stage, StageFault } from "../inference.ts";

/**
 * Repeats a host's check of an output, because a model may have taken over the host.
 *
 * @param index of the stage @throws StageFault
 */
export function checkWanted({ output }: Stage, index: number, values: Float32Array): void {
  const fault = output === undefined ? undefined : checkOutput(output, values);
  if (fault !== undefined) throw new StageFault(index, true, new ModelFault(fault.reason, fault.detail));
}
