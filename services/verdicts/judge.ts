import type { VerdictKind } from "../pipeline/verdict.ts";
import type { ComparisonKind } from "./paired/compare-losses.ts";

/**
 * The kind of a verdict.
 *
 * @param pipeline what became of the pipeline loss
 * @param component what became of the component's own loss; undefined if it is unknown
 */
export function judge(pipeline: ComparisonKind, component: ComparisonKind | undefined): VerdictKind {
  return pipeline === "degraded" && component === "improved" ? "self-defeating" : pipeline;
}
