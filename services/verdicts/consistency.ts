import { seedOf } from "../common/random-weights.ts";
import { objectiveClosure } from "../pipeline/objectives.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { CONFIDENCE_LEVEL, type Composition, type ConsistencyGap } from "../pipeline/verdict.ts";
import type { AnnotatedLosses } from "./composed-losses.ts";
import { compareLosses } from "./paired/compare-losses.ts";
import { limitLosses, lossBound } from "./paired/loss-limit.ts";
import type { Grouping } from "./paired/sample.ts";
import { createSharedWeights } from "./paired/shared-weights.ts";
import { SnapshotFault } from "./snapshot-fault.ts";

export interface ConsistencyDeps {
  readonly pipeline: Pipeline;
  readonly losses: AnnotatedLosses;
  /** Of the annotated rows; as in `ComparisonSettings`. */
  readonly groupings: readonly Grouping[];
}

/**
 * Measures the consistency gap of every annotated edge in a composition, with the statistics of verdicts.
 *
 * @returns undefined if the composition is incomplete, or a component cannot be run on the annotated values; without the
 *   edges whose losses are not finite
 */
export async function measureConsistency(
  composition: Composition,
  { pipeline, losses, groupings }: ConsistencyDeps,
): Promise<readonly ConsistencyGap[] | undefined> {
  const needed = objectiveClosure(pipeline);
  if (needed.some((name) => composition[name] === undefined)) return undefined;
  const inputs = Object.fromEntries(needed.map((name) => [name, composition[name] as number]));
  const measured = await rowLossesOf(losses, inputs);
  if (measured === undefined) return undefined;
  const { minimumEffect = 0, lossLimit } = pipeline.verdict ?? {};
  const bound = lossLimit === undefined ? undefined : lossBound(measured.composed, lossLimit);
  const limited = (rows: Float64Array) => (bound === undefined ? rows : limitLosses(rows, bound));
  // All gaps are about the same rows, so they share their weights.
  const settings = {
    groupings,
    level: CONFIDENCE_LEVEL,
    minimumEffect,
    seed: seedOf(pipeline.name, "consistency"),
    drawShared: createSharedWeights(),
  };
  const gaps: ConsistencyGap[] = [];
  for (const [index, { upstream, downstream, isLabel }] of losses.edges.entries()) {
    const annotated = measured.annotated[index] as Float64Array;
    const found = await compareLosses(limited(measured.composed), limited(annotated), settings);
    if (found === undefined) continue;
    const { kind, reason, currentLoss, difference: gap, relative, interval } = found;
    gaps.push({
      upstream,
      downstream,
      kind,
      ...(reason !== undefined && { reason }),
      currentLoss,
      gap,
      relative,
      interval,
      ...(isLabel && { labels: true }),
    });
  }
  return gaps;
}

/** Undefined if a snapshot fails on the annotated values. It is not to blame: nothing like them need ever reach it. */
async function rowLossesOf(losses: AnnotatedLosses, composition: Composition) {
  try {
    return await losses.rowLosses(composition);
  } catch (thrown) {
    if (thrown instanceof SnapshotFault) return undefined;
    throw thrown;
  }
}
