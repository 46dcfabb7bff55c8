/** The alias that says which snapshot of a component is in use, where that is not simply the newest. */
export const CHAMPION = "champion";

/**
 * The snapshot of a component that is in use: the one that the champion alias points at, else the newest.
 * @param candidates those that may be used at all, ascending
 * @param champion the serial that the alias points at, if there is one
 * @returns undefined where there are no candidates
 */
export function snapshotInUse<T extends { readonly serial: number }>(
  candidates: readonly T[],
  champion: number | undefined,
): T | undefined {
  return candidates.find(({ serial }) => serial === champion) ?? candidates.at(-1);
}
