import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import { compositionKey } from "../../pipeline/composition-key.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import type { LossMeter, LossPair } from "./loss-meter.ts";

type Released = Pick<Release, "number" | "composition">;

/**
 * The one of the last releases with the lowest pipeline loss, so that steps within the margin cannot add up. Leaves out
 * releases that can no longer be composed, such as those whose models were deleted.
 *
 * @returns undefined if it is the current release, or one with the same pipeline loss
 */
export async function bestRelease(
  pipeline: Pipeline,
  current: Composition,
  recent: readonly Released[],
  meter: LossMeter,
): Promise<Released | undefined> {
  const needed = objectiveClosure(pipeline);
  const keyOf = (composition: Composition) =>
    compositionKey(
      "",
      Object.fromEntries(needed.flatMap((name) => Object.entries({ [name]: composition[name] ?? 0 }))),
    );
  let best: { readonly release: Released; readonly gain: number } | undefined;
  for (const release of recent) {
    if (keyOf(release.composition) === keyOf(current)) continue;
    const pair = await composable(() => meter.composed(current, release.composition));
    const gain = pair && mean(pair.reference) - mean(pair.candidate);
    if (gain !== undefined && gain > (best?.gain ?? 0)) best = { release, gain };
  }
  return best?.release;
}

async function composable(measure: () => Promise<LossPair | undefined>): Promise<LossPair | undefined> {
  try {
    return await measure();
  } catch (thrown) {
    if (thrown instanceof SnapshotFault) return undefined;
    if (thrown instanceof UncoupleError && thrown.code === "deleted") return undefined;
    throw thrown;
  }
}
