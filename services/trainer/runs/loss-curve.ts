import { mean } from "../../common/statistics.ts";
import { RECENT_STEPS } from "../../learning/training/run-training.ts";
import { learningRateAt } from "../../learning/training/schedule.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../learning/training/training-progress.ts";
import { CURVE_POINTS, type CurvePoint, type LossCurve } from "../../pipeline/run-report.ts";
import type { TeamConfig } from "../../pipeline/team.ts";

/** Records the loss curve of a training. */
export interface CurveRecorder {
  add(progress: Pick<TrainingProgress, "step" | "losses">): void;
  curve(): LossCurve;
}

/**
 * Records a point after every so many steps that there are at most `CURVE_POINTS`, and after the last step. A point depends
 * on no more steps than a checkpoint has losses of, so that a resumed training has the points of an uninterrupted one.
 *
 * @param resumed the checkpoint and the curve that it resumes from, which may be newer
 */
export function recordCurve(
  { steps, stopAfter = steps, optimizer, schedule }: TeamConfig,
  resumed?: { readonly checkpoint: TrainingCheckpoint; readonly before: LossCurve | undefined },
): CurveRecorder {
  const every = Math.ceil(stopAfter / CURVE_POINTS);
  const window = Math.min(every, RECENT_STEPS);
  const first = resumed?.checkpoint.step ?? 0;
  const points: CurvePoint[] = (resumed?.before?.points ?? []).filter(({ step }) => step <= first);
  let recent: readonly number[] = resumed?.checkpoint.recentLosses ?? [];
  return {
    add({ step, losses }) {
      const known = [...recent, ...losses];
      for (let at = step - losses.length + 1; at <= step; at++) {
        if (at % every !== 0 && at !== stopAfter) continue;
        const end = known.length - (step - at);
        const loss = mean(known.slice(Math.max(0, end - window), end));
        points.push({ step: at, loss, learningRate: learningRateAt(at - 1, steps, optimizer.learningRate, schedule) });
      }
      recent = known.slice(-RECENT_STEPS);
    },
    curve: () => ({ every, window, points: [...points] }),
  };
}
