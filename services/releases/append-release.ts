import type { Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import { whilePinned } from "../registry/retention.ts";

/** A release that has no number yet. */
export interface ReleaseDraft extends Omit<Release, "entry" | "version" | "number" | "previous"> {
  /** The release that it was decided on and replaces; undefined for the first. */
  readonly previous: Pick<Release, "number" | "composition"> | undefined;
}

/**
 * Appends a release, if the one that it was decided on is still the newest. What it adds to that one is pinned before, so that
 * no released model is deleted in between.
 * @param owner whom the pins are for: a component, or `NO_OWNER`
 * @returns undefined, and nothing is appended, if another release came first
 * @throws DeletedError if a model that it adds was deleted
 */
export async function appendRelease(
  { ledger, retention }: Pick<Backplane, "ledger" | "retention">,
  draft: ReleaseDraft,
  owner: string,
): Promise<Release | undefined> {
  const { previous, ...content } = draft;
  const release: Release = {
    ...content,
    entry: "release",
    version: 1,
    number: (previous?.number ?? 0) + 1,
    previous: previous?.number ?? null,
  };
  return whilePinned(retention, owner, async (pin) => {
    await pin(addedBy(content.composition, previous?.composition ?? {}));
    return (await ledger.append(release)) === undefined ? undefined : release;
  });
}

/** What a composition has and the one before has not: what moves. */
export function addedBy(composition: Composition, before: Composition): Composition {
  return Object.fromEntries(Object.entries(composition).filter(([name, serial]) => before[name] !== serial));
}
