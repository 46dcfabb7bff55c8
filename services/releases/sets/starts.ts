import type { Point, SearchDeps, SearchSpace } from "./search-space.ts";

/**
 * Where the climb starts: the release, the newest of everything, and the closure of each candidate's lineage (the candidate
 * with what it was trained on, the rest as released). Snapshots that may not be chosen stay as released.
 */
export function startsOf(
  { names, choices }: Pick<SearchSpace, "names" | "choices">,
  trainedOn: SearchDeps["trainedOn"],
): readonly Point[] {
  const lineages = names.flatMap((name, at) =>
    (choices[at] as readonly number[]).slice(1).map((serial) => {
      const lineage = { ...trainedOn(name, serial), [name]: serial };
      return names.map((other, place) =>
        Math.max(0, (choices[place] as readonly number[]).indexOf(lineage[other] ?? 0)),
      );
    }),
  );
  return [names.map(() => 0), choices.map((serials) => serials.length - 1), ...lineages];
}
