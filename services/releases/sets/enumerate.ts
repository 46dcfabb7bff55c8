import { closureOf } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Point, SearchSpace } from "./search-space.ts";

/**
 * What it costs to measure every composition: the passes of snapshots over the rows, where each runs once for all
 * compositions that give it the same inputs; or the number of compositions, if that is more, because objectives share
 * little upstream.
 */
export function costToEnumerate(
  pipeline: Pipeline,
  { names, choices }: Pick<SearchSpace, "names" | "choices">,
): number {
  const combinations = (of: readonly string[]) =>
    of.reduce((product, name) => product * (choices[names.indexOf(name)]?.length ?? 1), 1);
  const passes = names.reduce((sum, name) => sum + combinations(closureOf(pipeline, name)), 0);
  return Math.max(passes, combinations(names));
}

/** Every composition; the release is the first. */
export function everyPoint({ choices }: Pick<SearchSpace, "choices">): readonly Point[] {
  let points: readonly Point[] = [[]];
  for (const serials of choices) points = points.flatMap((point) => serials.map((_, choice) => [...point, choice]));
  return points;
}
