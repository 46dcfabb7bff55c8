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
  eachNeighbor(point, blocks, choices, (neighbor) => neighbors.push([...neighbor]));
  return neighbors;
}

/**
 * Visits them in the same order, without a copy of each: a search visits hundreds of thousands.
 * @param visit gets a point that changes after it returns, and the place of the block
 */
export function eachNeighbor(
  point: Point,
  blocks: readonly (readonly number[])[],
  choices: SearchSpace["choices"],
  visit: (neighbor: Point, block: number) => void,
): void {
  const neighbor = [...point];
  for (const [place, block] of blocks.entries()) {
    const change = (depth: number): void => {
      const at = block[depth];
      if (at === undefined) {
        visit(neighbor, place);
        return;
      }
      const { length } = choices[at] as readonly number[];
      for (let choice = 0; choice < length; choice++) {
        if (choice === point[at]) continue;
        neighbor[at] = choice;
        change(depth + 1);
      }
      neighbor[at] = point[at] as number;
    };
    change(0);
  }
}
