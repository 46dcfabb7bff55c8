import { closureOf } from "../../pipeline/dag.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Criterion, Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { LossMeter, LossPair } from "./loss-meter.ts";

/** Whether one loss is below another by a margin: asked of screen rows, and of confirm rows. */
export interface Question {
  readonly name: Exclude<Criterion["name"], "slice">;
  readonly subject?: string;
  readonly margin: number;
  /** Whether the answer decides about the update itself; else it only bounds what the update may do elsewhere. */
  readonly isMeasure: boolean;
  /** Set if the update cannot change this loss, so that there is nothing to ask. */
  readonly isUnaffected?: true;
  pair(meter: LossMeter): Promise<LossPair | undefined>;
}

export interface QuestionInput {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly release: Composition;
  readonly candidate: Composition;
  readonly moved: readonly string[];
  /** The best of the last releases; undefined if it is the current one. */
  readonly best: Pick<Release, "number" | "composition"> | undefined;
}

/** What a policy asks of an update, each answered by the same rows; all must hold. */
export function questionsOf({ pipeline, gate, release, candidate, moved, best }: QuestionInput): readonly Question[] {
  const required = gate.require === "improved" ? 0 : gate.margin;
  const composed = (name: Question["name"], margin: number, isMeasure: boolean): Question => ({
    name,
    margin,
    isMeasure,
    pair: (meter) => meter.composed(release, candidate),
  });
  const audited = (margin: number): Question => ({
    name: "audited",
    margin,
    isMeasure: true,
    pair: (meter) => meter.audited(release, candidate, moved),
  });
  const measured: Record<GatePolicy["measure"], readonly Question[]> = {
    composed: [composed("composed", required, true)],
    audited: [audited(required), composed("transition", gate.transitionBudget, false)],
    both: [composed("composed", required, true), audited(gate.margin)],
  };
  const drift = best && {
    name: "drift" as const,
    subject: String(best.number),
    margin: gate.measure === "audited" ? gate.transitionBudget : gate.margin,
    isMeasure: false,
    pair: (meter: LossMeter) => meter.composed(best.composition, candidate),
  };
  const guards = Object.entries(gate.guards).map(([component, margin]): Question => {
    const isAffected = closureOf(pipeline, component).some((name) => moved.includes(name));
    return {
      name: "guard",
      subject: component,
      margin,
      isMeasure: false,
      ...(!isAffected && { isUnaffected: true }),
      pair: (meter) => meter.own(component, release, candidate),
    };
  });
  return [...measured[gate.measure], ...(drift === undefined ? [] : [drift]), ...guards];
}
