import type { ReleaseRules } from "../pipeline/documents/gate-schema.ts";
import { frozenAt } from "../pipeline/freeze.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import { type Decision, movesName } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";
import { namesOf } from "../registry/retention.ts";
import type { LedgerState } from "./ledger-state.ts";

/**
 * What a person overrides who promotes by hand. `manual` is no more than a record: a component under the gate's `hold` is
 * meant to be promoted by a person.
 */
export type OverrideKind = "freeze" | "refused" | "held" | "spent" | "undecided" | "manual";

export interface Override {
  readonly kind: OverrideKind;
  /** In words, without a period: `m1@2 was held by ada: wait for the audit`. */
  readonly why: string;
}

/** Reasons of a gate that are no measurement: they have their own override, or none. */
const NOT_MEASURED = ["freeze", "manual", "pinned", "held-by-person", "refused-by-person"];

/**
 * Returns what stands against a promotion by hand, in order, each kind of each snapshot once.
 * @param moves only what the release would change @param at ISO 8601
 */
export function overridesOf(
  moves: Composition,
  state: Pick<LedgerState, "release" | "orderOn" | "decisionOn">,
  { gate, freeze }: Pick<ReleaseRules, "gate" | "freeze">,
  at: string,
): readonly Override[] {
  // To pin what is in use moves nothing.
  if (Object.keys(moves).length === 0) return [];
  const found: Override[] = [];
  const frozen = frozenAt(freeze, at);
  if (frozen !== undefined) {
    const until = frozen.until === null ? "" : ` until ${frozen.until}`;
    found.push({
      kind: "freeze",
      why: `releases are frozen${until}${frozen.reason === null ? "" : `: ${frozen.reason}`}`,
    });
  }
  for (const snapshot of namesOf(moves)) {
    const order = state.orderOn(snapshot);
    if (order === undefined) continue;
    const kind = order.verb === "refuse" ? "refused" : "held";
    const reason = order.reason === null ? "" : `: ${order.reason}`;
    found.push({ kind, why: `${snapshotName(snapshot)} was ${kind} by ${order.by}${reason}` });
  }
  if (gate?.mode === "enforce") found.push(...decided(moves, state));
  return found;
}

function decided(moves: Composition, state: Pick<LedgerState, "release" | "decisionOn">): readonly Override[] {
  const release = state.release();
  const current = (some: Composition): Decision | undefined => {
    const decision = state.decisionOn(some)?.value;
    return decision?.release === (release?.number ?? 0) && decision.decision !== "void" ? decision : undefined;
  };
  // The first snapshot of a component is for a person to release: a gate has nothing to compare it with.
  const compared = Object.entries(moves).filter(([component]) => release?.composition[component] !== undefined);
  if (compared.length === 0) return [];
  const whole = current(moves);
  if (whole !== undefined) return ofDecision(whole, movesName(moves));
  return compared.flatMap(([component, serial]): readonly Override[] => {
    const decision = current({ [component]: serial });
    const name = snapshotName({ component, serial });
    if (decision !== undefined) return ofDecision(decision, name);
    return [{ kind: "undecided", why: `the gate has not decided about ${name} beside release ${release?.number}` }];
  });
}

function ofDecision({ decision, reasons }: Decision, name: string): readonly Override[] {
  if (decision === "promoted") return [];
  const measured = reasons.filter((reason) => !NOT_MEASURED.includes(reason));
  const why = measured.length === 0 ? "" : ` (${measured.join(", ")})`;
  if (decision === "refused") return [{ kind: "refused", why: `the gate refused ${name}${why}` }];
  if (measured.includes("spent")) {
    return [{ kind: "spent", why: `the held-out rows have answered all questions of the horizon, also about ${name}` }];
  }
  if (measured.length > 0) return [{ kind: "held", why: `the gate holds ${name}${why}` }];
  return reasons.includes("manual") ? [{ kind: "manual", why: `${name} is for a person to promote` }] : [];
}
