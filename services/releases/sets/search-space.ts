import { componentNamed } from "../../pipeline/dag.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { SearchDeps } from "./search-sets.ts";

/** What a search chooses from. Components that the pipeline loss does not depend on are not part of it. */
export interface SearchSpace {
  /** A serial for everything that the pipeline loss depends on. */
  readonly release: Composition;
  /** The serials that each component may have, the released one first, in topological order. */
  readonly choices: ReadonlyMap<string, readonly number[]>;
  /** Upstream and downstream. */
  readonly edges: readonly (readonly [upstream: string, downstream: string])[];
}

/** @returns undefined if a component has no released snapshot */
export function createSearchSpace({
  pipeline,
  release,
  movable,
}: Pick<SearchDeps, "pipeline" | "release" | "movable">): SearchSpace | undefined {
  const needed = objectiveClosure(pipeline);
  const choices = new Map<string, readonly number[]>();
  for (const name of needed) {
    const released = release[name];
    if (released === undefined) return undefined;
    choices.set(name, [released, ...movable(name)]);
  }
  return {
    release: Object.fromEntries([...choices].map(([name, [released]]) => [name, released as number])),
    choices,
    edges: needed.flatMap((name) =>
      componentNamed(pipeline, name).upstream.map((upstream) => [upstream, name] as const),
    ),
  };
}

/** What moves from the release to a composition. */
export function movesTo({ release }: Pick<SearchSpace, "release">, composition: Composition): Composition {
  return Object.fromEntries(Object.entries(composition).filter(([name, serial]) => serial !== release[name]));
}
