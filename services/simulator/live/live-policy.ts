import { UncoupleError } from "../../common/errors.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import { POLICY_FORMS, parsePolicy } from "../policies/all.ts";
import type { Policy, TrainingChoice } from "../policies/policy.ts";

/** A policy as pipeline and team files express it. */
export interface LivePolicy {
  readonly name: string;
  /** The gate of the pipeline file; undefined: every judged snapshot gets into use. */
  readonly gate?: GatePolicy;
  /** What team files say of gates. */
  readonly sets: boolean;
  readonly cotrain: boolean;
  /** Training rows with annotated upstream targets; undefined: none. */
  readonly audited?: number;
  training(readsOthers: boolean): TrainingChoice;
}

/**
 * The policy by which services run.
 *
 * @param gate the gate of the scenario
 * @throws UncoupleError `invalid-argument` for a policy that they do not have, listing the others
 */
export function livePolicy(text: string, gate: GatePolicy): LivePolicy {
  const policy = parsePolicy(text);
  if ("problem" in policy) throw new UncoupleError("invalid-argument", policy.problem);
  const why = obstacle(policy);
  if (why !== undefined) {
    const available = POLICY_FORMS.filter((form) => isLive(form)).join(", ");
    throw new UncoupleError(
      "invalid-argument",
      `--live cannot drive the policy ${policy.name}: ${why}; available: ${available}`,
    );
  }
  const { release } = policy;
  const training = (readsOthers: boolean) => policy.training({ readsOthers, rank: 0 });
  const { audited } = training(true);
  return {
    name: policy.name,
    ...(release.by === "gate" && { gate: { ...gate, ...release.changes } }),
    sets: release.by === "gate" && release.sets,
    cotrain: release.by === "gate" && release.cotrains,
    ...(audited !== undefined && { audited }),
    training,
  };
}

/** An argument that each policy which takes one accepts. */
const ANY_ARGUMENT = { SHARE: "0.5", WEIGHT: "0.5", N: "100" } as const;

function isLive(form: string): boolean {
  const [name, argument] = form.split(":");
  const policy = parsePolicy(
    argument === undefined ? form : `${name}:${ANY_ARGUMENT[argument as keyof typeof ANY_ARGUMENT]}`,
  );
  return !("problem" in policy) && obstacle(policy) === undefined;
}

/** Why services cannot follow a policy; undefined if they can. */
function obstacle({ release, training }: Policy): string | undefined {
  if (release.by === "train") return "services have no release trains";
  if (release.by === "each" && release.rejects) return "without a gate, services release every judged snapshot";
  const { protocol, audited } = training({ readsOthers: true, rank: 0 });
  if (audited === undefined && protocol.parameters.source === "oracle") return "data in a file has no oracle";
  return undefined;
}
