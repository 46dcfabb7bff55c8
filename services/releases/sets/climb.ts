import type { Composition } from "../../pipeline/verdict.ts";
import type { Measurements } from "./measurements.ts";
import type { SearchSpace } from "./search-space.ts";

/**
 * Descends from each start in turn to a composition that no move improves: first by moves of one component, and where none
 * helps, by moves of both ends of an edge, which is where coupled updates hide. Takes the best of all moves of a kind.
 */
export async function climb(
  starts: readonly Composition[],
  space: SearchSpace,
  measurements: Pick<Measurements, "lossesOf">,
): Promise<void> {
  // Together, because a host composes many at once.
  await measurements.lossesOf(starts);
  const reached = new Set<Composition>();
  for (const start of starts) {
    let at = start;
    let [loss] = (await measurements.lossesOf([start])) as [number];
    for (let better = true; better; ) {
      better = false;
      for (const neighbors of [singleMoves, edgeMoves]) {
        const around = neighbors(space, at);
        const losses = await measurements.lossesOf(around);
        const lowest = indexOfLowest(losses);
        if (lowest !== undefined && (losses[lowest] as number) < loss) {
          at = around[lowest] as Composition;
          loss = losses[lowest] as number;
          better = true;
          break;
        }
      }
    }
    reached.add(at);
  }
}

function singleMoves({ choices }: SearchSpace, at: Composition): readonly Composition[] {
  return [...choices].flatMap(([name, serials]) =>
    serials.filter((serial) => serial !== at[name]).map((serial) => ({ ...at, [name]: serial })),
  );
}

function edgeMoves({ choices, edges }: SearchSpace, at: Composition): readonly Composition[] {
  return edges.flatMap(([upstream, downstream]) => {
    const others = (name: string) => (choices.get(name) ?? []).filter((serial) => serial !== at[name]);
    return others(upstream).flatMap((up) =>
      others(downstream).map((down) => ({ ...at, [upstream]: up, [downstream]: down })),
    );
  });
}

function indexOfLowest(losses: readonly number[]): number | undefined {
  let lowest: number | undefined;
  for (const [index, loss] of losses.entries()) {
    if (lowest === undefined || loss < (losses[lowest] as number)) lowest = index;
  }
  return lowest;
}
