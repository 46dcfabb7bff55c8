import type { VerdictKind } from "../pipeline/verdict.ts";
import type { Interval } from "./bootstrap.ts";

/**
 * Turns intervals of loss differences (candidate minus current, negative is better) into a verdict. A missing or
 * non-finite interval is inconclusive, never a pass.
 *
 * @param pipeline interval of the pipeline loss; undefined if it could not be measured
 * @param component interval of the component's own loss; null if it is unknown
 */
export function judge(pipeline: Interval | undefined, component: Interval | null): VerdictKind {
  if (pipeline === undefined || !pipeline.every(Number.isFinite)) return "inconclusive";
  const [low, high] = pipeline;
  if (high < 0) return "improved";
  if (low > 0) return component !== null && component[1] < 0 ? "self-defeating" : "degraded";
  return "inconclusive";
}
