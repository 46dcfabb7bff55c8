import type { Point, SearchSpace } from "./search-space.ts";

/** Components that may change at once: each alone, and both ends of an edge, along which updates are coupled. */
export function blocksOf({ names, edges }: Pick<SearchSpace, "names" | "edges">): readonly (readonly number[])[] {
  return [...names.map((_, at) => [at]), ...edges];
}

/** All points that differ from one in every component of one block, and in nothing else. */
export function neighborsOf(
  point: Point,
  blocks: readonly (readonly number[])[],
  choices: SearchSpace["choices"],
): readonly Point[] {
  const neighbors: Point[] = [];
  for (const block of blocks) {
    let changed: readonly Point[] = [point];
    for (const at of block) {
      const next: Point[] = [];
      for (const one of changed) {
        for (const choice of (choices[at] as readonly number[]).keys()) {
          if (choice !== point[at]) next.push(one.with(at, choice));
        }
      }
      changed = next;
    }
    neighbors.push(...changed);
  }
  return neighbors;
}
