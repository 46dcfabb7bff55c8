import { createRandom } from "../../data/random/random.ts";
import type { Team } from "./scenario.ts";

export const SHAPES = ["chain", "diamond", "layered", "star", "random"] as const;
export type Shape = (typeof SHAPES)[number];

type Edges = Pick<Team, "name" | "reads">;

/** What a component of a random graph reads. */
const READS = 2;

/**
 * Draws a graph of teams `m1` to `mN` with one sink, the last. The same arguments give the same graph.
 *
 * - `chain`: each reads the one before.
 * - `diamond`: all but the first and the last read the first; the last reads them.
 * - `star`: the last reads all others.
 * - `layered`: layers that narrow to a third of the one before; each component reads a share of the layer before and one
 *   more, which others read as well; the last reads the last layer.
 * - `random`: each reads two of those before it; the last reads all that no other reads.
 *
 * @param count at least 2
 */
export function shapedTeams(shape: Shape, count: number): readonly Edges[] {
  const names = Array.from({ length: count }, (_, at) => `m${at + 1}`);
  switch (shape) {
    case "chain":
      return names.map((name, at) => ({ name, reads: names.slice(Math.max(0, at - 1), at) }));
    case "star":
      return withSink(names, () => []);
    case "diamond":
      return withSink(names, (at) => (at === 0 ? [] : names.slice(0, 1)));
    case "layered":
      return layered(names);
    case "random": {
      const random = createRandom(0, `random/${count}`);
      return withSink(names, (at) =>
        Array.from(random.permutation(at).slice(0, READS).sort(), (place) => names[place] as string),
      );
    }
  }
}

/** The last reads what no other reads. @param reads of all others, by place */
function withSink(names: readonly string[], reads: (at: number) => readonly string[]): readonly Edges[] {
  const others = names.slice(0, -1).map((name, at) => ({ name, reads: reads(at) }));
  const read = new Set(others.flatMap((team) => team.reads));
  return [...others, { name: names.at(-1) as string, reads: names.slice(0, -1).filter((name) => !read.has(name)) }];
}

/** Each layer has about this many times as many components as the next one. */
const NARROWING = 3;

function layered(names: readonly string[]): readonly Edges[] {
  const inner = names.slice(0, -1);
  const random = createRandom(0, `layered/${names.length}`);
  const reads = new Map<string, readonly string[]>();
  let above: readonly string[] = [];
  let taken = 0;
  for (const size of layerSizes(inner.length)) {
    const members = inner.slice(taken, taken + size);
    taken += size;
    // Everything is read by someone: the layer above is dealt out.
    const dealt = Array.from(random.permutation(above.length), (place) => above[place] as string);
    for (const [at, name] of members.entries()) {
      const own = new Set(dealt.filter((_, place) => place % members.length === at));
      // One more, which others read as well.
      if (above.length > 0) own.add(above[random.below(above.length)] as string);
      reads.set(
        name,
        above.filter((other) => own.has(other)),
      );
    }
    above = members;
  }
  return withSink(names, (at) => reads.get(names[at] as string) ?? []);
}

/** Sizes of layers that narrow toward the sink, each at least 1. */
function layerSizes(count: number): readonly number[] {
  const weights: number[] = [];
  for (let weight = NARROWING, sum = 0; weights.length < 2 || sum + weight <= count; weight *= NARROWING) {
    weights.unshift(weight);
    sum += weight;
  }
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  let before = 0;
  return weights.flatMap((weight) => {
    sum += weight;
    const end = Math.round((count * sum) / whole);
    const size = end - before;
    before = end;
    return size > 0 ? [size] : [];
  });
}
