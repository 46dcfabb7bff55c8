import { cos } from "../../common/elementary.ts";
import type { ScheduleSpec } from "../../pipeline/team.ts";

/**
 * Returns the learning rate of a step: linear warm-up from peak / warmup to the peak, then constant, or half a cosine
 * down to 0.
 *
 * @param step from 0, below `steps`
 */
export function learningRateAt(step: number, steps: number, peak: number, schedule: ScheduleSpec): number {
  if (step < schedule.warmup) return (peak * (step + 1)) / schedule.warmup;
  if (schedule.decay === "constant") return peak;
  const progress = (step - schedule.warmup) / Math.max(1, steps - schedule.warmup);
  return (peak * (1 + cos(Math.PI * progress))) / 2;
}
