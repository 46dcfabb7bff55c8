import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";
import type { TeamRole, TrainingChoice } from "./policy.ts";

/** Fits the observed target on the predictions that it reads. */
export function plain(): TrainingChoice {
  return { protocol: protocolSpec("async") };
}

/** Trains by a protocol where there is something upstream, and plainly elsewhere. */
export function downstream(name: string, parameters: ProtocolSpec["parameters"] = {}) {
  return ({ readsOthers }: TeamRole): TrainingChoice =>
    readsOthers ? { protocol: protocolSpec(name, parameters) } : plain();
}
