import { didYouMean } from "../../common/suggest.ts";
import { async } from "./async.ts";
import { asyncRejecting } from "./async-rejecting.ts";
import { blend } from "./blend.ts";
import { causal } from "./causal.ts";
import { causalAudit } from "./causal-audit.ts";
import { causalProximal } from "./causal-proximal.ts";
import { gated } from "./gated.ts";
import { gatedAudited } from "./gated-audited.ts";
import { gatedCotrain } from "./gated-cotrain.ts";
import { gatedSets } from "./gated-sets.ts";
import { mixed } from "./mixed.ts";
import type { Policy, PolicyKind } from "./policy.ts";
import { proximal } from "./proximal.ts";
import { sync } from "./sync.ts";

/** All policies, in the order in which help lists them. */
export const policyKinds: readonly PolicyKind[] = [
  sync,
  async,
  asyncRejecting,
  gated,
  gatedSets,
  gatedCotrain,
  gatedAudited,
  proximal,
  causal,
  causalAudit,
  causalProximal,
  blend,
  mixed,
];

/** How each policy is written: `causal-audit:N`. */
export const POLICY_FORMS = policyKinds.map(({ name, argument }) =>
  argument === undefined ? name : `${name}:${argument.name}`,
);

/** Reads `async` or `causal-audit:300`; otherwise says what is wrong. */
export function parsePolicy(text: string): Policy | { readonly problem: string } {
  const [name = "", value, ...rest] = text.split(":");
  const kind = policyKinds.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const hint = didYouMean(
      name,
      policyKinds.map((one) => one.name),
    );
    return { problem: `unknown policy "${text}"; available: ${POLICY_FORMS.join(", ")}${hint}` };
  }
  const { argument } = kind;
  if (argument === undefined) {
    if (value !== undefined) return { problem: `the policy ${name} takes no argument, not "${text}"` };
    return { name, ...kind.create(Number.NaN) };
  }
  const number = value === undefined || value.trim() === "" || rest.length > 0 ? Number.NaN : Number(value);
  if (!argument.isValid(number)) {
    return { problem: `${name}:${argument.name} needs ${argument.expected}, not "${text}"` };
  }
  return { name: `${name}:${number}`, ...kind.create(number) };
}
