import { UncoupleError } from "../common/errors.ts";
import type { Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";

/**
 * Returns the release whose composition a rollback restores: the one in use before the newest, ignoring what earlier
 * rollbacks undid. Calling it again after the rollback goes further back.
 * @param releases all, oldest first
 * @throws UncoupleError `failed-precondition` if there is nothing to roll back to
 */
export function rollbackTarget(releases: readonly Release[]): Release {
  const past: Release[] = [];
  for (const release of releases) {
    const at = past.findLastIndex(({ composition }) => isSame(composition, release.composition));
    if (release.kind === "rollback" && at >= 0) past.length = at + 1;
    else if (at < 0 || at < past.length - 1) past.push(release);
  }
  const target = past.at(-2);
  if (target !== undefined) return target;
  const newest = releases.at(-1);
  throw new UncoupleError(
    "failed-precondition",
    newest === undefined
      ? "there is no release yet, so there is nothing to roll back"
      : `release ${newest.number} has no release before it with another composition: there is nothing to roll back to`,
  );
}

/**
 * Returns a release by its number.
 * @throws UncoupleError `not-found` naming the newest
 */
export function releaseNumbered(releases: readonly Release[], number: number): Release {
  const found = releases.find((release) => release.number === number);
  if (found !== undefined) return found;
  const newest = releases.at(-1);
  throw new UncoupleError(
    "not-found",
    newest === undefined ? "there is no release yet" : `no release ${number}: the newest is ${newest.number}`,
  );
}

export function isSame(a: Composition, b: Composition): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
