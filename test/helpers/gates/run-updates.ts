import { DRIFT_RELEASES, type GatePolicy } from "../../../services/pipeline/gate.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import type { Release } from "../../../services/pipeline/release.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { decide } from "../../../services/releases/gate/decide.ts";
import type { GateRows } from "../../../services/releases/gate-rows.ts";

export interface UpdatesOptions {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly screen: GateRows;
  readonly confirm: GateRows;
  /** The first release. */
  readonly start: Composition;
  readonly updates: number;
  /** What the k-th update moves, 0-based, when it arrives under a release. */
  update(k: number, release: Composition): Composition;
  /** How many of the last releases count for drift. */
  readonly recent?: number;
}

export interface UpdatesRun {
  readonly promotions: readonly { readonly from: Composition; readonly to: Composition }[];
  readonly questions: number;
  readonly release: Composition;
}

/** Decides about updates one after the other, with a release after each promotion, until the horizon is spent. */
export async function runUpdates(options: UpdatesOptions): Promise<UpdatesRun> {
  const { pipeline, gate, screen, confirm, recent: kept = DRIFT_RELEASES } = options;
  const signal = new AbortController().signal;
  const promotions: { from: Composition; to: Composition }[] = [];
  let release: Pick<Release, "number" | "composition"> = { number: 1, composition: options.start };
  let recent = [release];
  let questions = 0;
  for (let k = 0; k < options.updates; k++) {
    const moves = options.update(k, release.composition);
    const { decision, asked } = await decide(
      { moves, release, ownImproved: false },
      {
        pipeline,
        gate,
        screen,
        confirm: questions < gate.horizon ? confirm : undefined,
        recent,
        forbidden: [],
        signal,
      },
    );
    if (asked) questions += 1;
    if (decision !== "promoted") continue;
    const to = { ...release.composition, ...moves };
    promotions.push({ from: release.composition, to });
    release = { number: release.number + 1, composition: to };
    recent = [...recent, release].slice(-kept);
  }
  return { promotions, questions, release: release.composition };
}
