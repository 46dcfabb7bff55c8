import type { Composition } from "../../pipeline/verdict.ts";
import type { SearchDeps } from "./search-sets.ts";
import type { SearchSpace } from "./search-space.ts";

/**
 * Where climbs start: the release, the newest of everything, and the closure of each candidate's lineage (the candidate
 * with what it was trained on, the rest as released), newest first. Snapshots that may not be chosen stay as released.
 */
export function startsOf(
  { release, choices }: Pick<SearchSpace, "release" | "choices">,
  trainedOn: SearchDeps["trainedOn"],
): readonly Composition[] {
  const allowed = ([name, serial]: readonly [string, number]) => choices.get(name)?.includes(serial) ?? false;
  const candidates = [...choices].flatMap(([component, [, ...serials]]) =>
    serials.map((serial) => ({ component, serial })),
  );
  candidates.sort((a, b) => b.serial - a.serial);
  return [
    release,
    Object.fromEntries([...choices].map(([name, serials]) => [name, serials.at(-1) as number])),
    ...candidates.map(({ component, serial }) => ({
      ...release,
      ...Object.fromEntries(Object.entries(trainedOn(component, serial)).filter(allowed)),
      [component]: serial,
    })),
  ];
}
