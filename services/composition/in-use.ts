/** The alias that overrides which snapshot of a component is in use. */
export const CHAMPION = "champion";

/**
 * Returns the snapshot of a component that is in use: the one that the champion alias points at, or the newest.
 * @param candidates the usable snapshots, ascending
 * @param champion the serial that the alias points at, if it is set
 * @returns undefined if there are no candidates
 */
export function snapshotInUse<T extends { readonly serial: number }>(
  candidates: readonly T[],
  champion: number | undefined,
): T | undefined {
  return candidates.find(({ serial }) => serial === champion) ?? candidates.at(-1);
}
