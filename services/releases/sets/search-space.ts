import { componentNamed } from "../../pipeline/dag.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { GateRows } from "../gate-rows.ts";

export interface SearchDeps {
  readonly pipeline: Pipeline;
  readonly screen: GateRows;
  /** What is in use. Without a snapshot of everything that the pipeline loss depends on, no set is found. */
  readonly release: Composition;
  /** The serials that a component may move to, ascending, without the released one. */
  movable(component: string): readonly number[];
  /** The serials of its ancestors that a snapshot was trained on; `{}` if they are not known. */
  trainedOn(component: string, serial: number): Composition;
  /** Whole compositions that are not to be chosen, such as those that failed confirmation. Default: none. */
  isClosed?(composition: Composition): boolean;
  /** How much worse a smaller set may be, as a fraction of the release's loss, at least 0. */
  readonly margin: number;
  /** Compositions to measure, at least 1; a few more make what was found minimal. */
  readonly budget: number;
  readonly signal: AbortSignal;
}

/**
 * A composition as the search sees it: for each component of the space, the place of its serial among its choices. 0 is the
 * released snapshot, so that the numbers other than 0 are what moves.
 */
export type Point = readonly number[];

/** What a search chooses from. Components that the pipeline loss does not depend on are not part of it. */
export interface SearchSpace {
  /** In topological order. */
  readonly names: readonly string[];
  /** For each component the serials that it may have: the released one, then the others, ascending. */
  readonly choices: readonly (readonly number[])[];
  /** Places of components, upstream and downstream. */
  readonly edges: readonly (readonly [upstream: number, downstream: number])[];
  /** @returns a serial for every component of the space */
  compositionAt(point: Point): Composition;
  /** @returns what moves there, component to serial */
  movesAt(point: Point): Composition;
}

/** @returns undefined if a component has no released snapshot */
export function createSearchSpace({
  pipeline,
  release,
  movable,
}: Pick<SearchDeps, "pipeline" | "release" | "movable">): SearchSpace | undefined {
  const names = objectiveClosure(pipeline);
  const choices: (readonly number[])[] = [];
  for (const name of names) {
    const released = release[name];
    if (released === undefined) return undefined;
    choices.push([released, ...movable(name)]);
  }
  const serialsAt = (point: Point) =>
    names.map((name, at) => [name, choices[at]?.[point[at] as number] as number] as const);
  return {
    names,
    choices,
    edges: names.flatMap((name, downstream) =>
      componentNamed(pipeline, name).upstream.map((upstream) => [names.indexOf(upstream), downstream] as const),
    ),
    compositionAt: (point) => Object.fromEntries(serialsAt(point)),
    movesAt: (point) => Object.fromEntries(serialsAt(point).filter((_, at) => point[at] !== 0)),
  };
}

/** Number of components that move. */
export function sizeOf(point: Point): number {
  return point.filter((choice) => choice !== 0).length;
}

/** Equal for equal points. Not text to read: a character for each choice, because searches ask for hundreds of thousands. */
export function keyOf(point: Point): string {
  return String.fromCharCode(...point);
}
