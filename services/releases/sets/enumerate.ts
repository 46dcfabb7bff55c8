import { closureOf } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { SearchSpace } from "./search-space.ts";

/**
 * What it costs to measure every composition: the passes of snapshots over the rows, of which each runs once for all
 * compositions that give it the same inputs; or the number of compositions, where objectives share nothing upstream and
 * that is more.
 */
export function costToEnumerate(pipeline: Pipeline, { choices }: Pick<SearchSpace, "choices">): number {
  const combinations = (names: readonly string[]) =>
    names.reduce((product, name) => product * (choices.get(name)?.length ?? 1), 1);
  const names = [...choices.keys()];
  const passes = names.reduce((sum, name) => sum + combinations(closureOf(pipeline, name)), 0);
  return Math.max(passes, combinations(names));
}

/** Every composition; the release is the first. */
export function everyComposition({ choices }: Pick<SearchSpace, "choices">): readonly Composition[] {
  let all: readonly Composition[] = [{}];
  for (const [name, serials] of choices) {
    all = all.flatMap((composition) => serials.map((serial) => ({ ...composition, [name]: serial })));
  }
  return all;
}
