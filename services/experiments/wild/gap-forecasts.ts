import { type BenchmarkResults, HARM, type MeasuredUpdates } from "./benchmark-results.ts";
import { clusteredRate, type Rate } from "./estimates.ts";

/** Updates that removed this share of the component's own loss, and how often the consistency gap told their effect. */
export interface GapForecasts {
  /** In (0, 1], from `least` to below `most`. */
  readonly removed: { readonly least: number; readonly most: number };
  /**
   * The updates whose effect on the pipeline had the sign of the gap before, of those that improved the component and
   * changed the pipeline's loss by more than `HARM`.
   */
  readonly right: Rate;
}

const RANGES = [
  { least: 0.5, most: 1 },
  { least: 0.1, most: 0.5 },
  { least: 0, most: 0.1 },
] as const;

/** By how close an update came to right; methods that train again after it are left out. */
export function gapForecasts({ measured, methods, seeds }: BenchmarkResults): readonly GapForecasts[] {
  const used = measured.filter(({ method }) => methods.some((each) => each.method === method && !each.retrains));
  return RANGES.map((removed) => ({
    removed,
    right: clusteredRate(
      seeds.map((_, seed) => {
        const signs = used.flatMap((update) => signsOf(update, seed, removed));
        return { count: signs.filter(Boolean).length, trials: signs.length };
      }),
    ),
  }));
}

/** Whether the gap had the sign of the change; empty for an update that does not count. */
function signsOf(
  { own, pipelineLoss, right }: MeasuredUpdates,
  seed: number,
  { least, most }: GapForecasts["removed"],
): boolean[] {
  const at = (values: readonly number[]) => values[seed] as number;
  const share = 1 - at(own.after) / at(own.before);
  const change = at(pipelineLoss.after) / at(pipelineLoss.before) - 1;
  if (share <= 0 || share < least || share >= most || Math.abs(change) <= HARM) return [];
  return [at(right) > at(pipelineLoss.before) === change > 0];
}
