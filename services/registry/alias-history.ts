import { UncoupleError } from "../common/errors.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Logged } from "../pipeline/verdict.ts";
import type { AliasChange } from "./registry.ts";

/** Where the aliases of all components point, after the changes taken so far. */
export interface AliasIndex {
  take(change: AliasChange): void;
  /** Alias to serial. */
  of(component: string): Readonly<Record<string, number>>;
  /** Component to serial. */
  aliased(alias: string): Readonly<Record<string, number>>;
  serial(component: string, alias: string): number | null;
}

export function createAliasIndex(): AliasIndex {
  const byAlias = new Map<string, Map<string, number>>();
  return {
    take({ component, alias, serial }) {
      const serials = byAlias.get(alias) ?? new Map<string, number>();
      byAlias.set(alias, serials);
      if (serial === null) serials.delete(component);
      else serials.set(component, serial);
    },
    of(component) {
      const now: Record<string, number> = {};
      for (const [alias, serials] of byAlias) {
        const serial = serials.get(component);
        if (serial !== undefined) now[alias] = serial;
      }
      return now;
    },
    aliased: (alias) => Object.fromEntries(byAlias.get(alias) ?? []),
    serial: (component, alias) => byAlias.get(alias)?.get(component) ?? null,
  };
}

/**
 * Returns the serial that a rollback restores: where the alias pointed before its last change, ignoring changes that an
 * earlier rollback undid and skipping removals.
 * @throws UncoupleError `failed-precondition` if there is nothing to roll back to
 */
export function rollbackTarget(log: readonly AliasChange[], component: string, alias: string): number {
  const { past, removed } = targets(log, alias);
  const target = past.at(removed ? -1 : -2);
  if (target !== undefined) return target;
  throw new UncoupleError(
    "failed-precondition",
    `alias ${alias} of ${component} never pointed anywhere else: there is nothing to go back to`,
  );
}

/**
 * Returns the serials that an alias points at, pointed at before one of its last changes, or would point at after one of
 * as many rollbacks.
 * @param changes how many changes to go back
 */
export function recentTargets(log: readonly AliasChange[], alias: string, changes: number): ReadonlySet<number> {
  const { past, removed } = targets(log, alias);
  // The first rollback of a removal restores the last target.
  const reached = past.slice(Math.max(0, past.length - changes - (removed ? 0 : 1)));
  const last = log.filter((change) => change.alias === alias).slice(-changes - 1);
  const serials = [...reached, ...last.map(({ serial }) => serial)];
  return new Set(serials.filter((serial) => serial !== null));
}

/**
 * Returns the positions of the changes that a log needs so that rollbacks have the same targets.
 * @param log of one alias of one component, oldest first
 * @param rollbacks how many changes can be undone
 */
export function neededChanges(log: readonly Logged<AliasChange>[], rollbacks: number): readonly number[] {
  const count = rollbacks + 1;
  const last = log.slice(-count);
  // Each of the last changes undoes at most one target, and as many must be left.
  const pushed = pushes(log.slice(0, -count)).slice(-2 * count);
  const needed = [...pushed, ...last];
  const ends = (changes: readonly Logged<AliasChange>[]) =>
    pushes(changes)
      .slice(-count)
      .map(({ value }) => value.serial);
  // Other versions may have written rollbacks that go back several changes.
  const isEnough = ends(needed).join() === ends(log).join();
  return (isEnough ? needed : log).map(({ position }) => position);
}

/** The targets of an alias in order, without undone changes; adjacent ones differ. */
function targets(
  log: readonly AliasChange[],
  alias: string,
): { readonly past: readonly number[]; readonly removed: boolean } {
  const changes = log.filter((change) => change.alias === alias).map((value, position) => ({ position, value }));
  const past = pushes(changes).flatMap(({ value }) => value.serial ?? []);
  return { past, removed: changes.at(-1)?.value.serial === null };
}

/** The changes of one alias that made it point at the targets of its past, without undone ones. */
function pushes(log: readonly Logged<AliasChange>[]): readonly Logged<AliasChange>[] {
  const past: Logged<AliasChange>[] = [];
  for (const change of log) {
    const { kind, serial } = change.value;
    if (serial === null) continue;
    if (kind === "rollback") while (past.length > 0 && past.at(-1)?.value.serial !== serial) past.pop();
    else if (past.at(-1)?.value.serial !== serial) past.push(change);
  }
  return past;
}

/**
 * @param now the serial that the alias points at, null for none
 * @throws UncoupleError `conflict` if that is not the expected one
 */
export function checkAlias(now: number | null, component: string, alias: string, expected: number | null): void {
  if (now === expected) return;
  const name = (serial: number | null) => (serial === null ? "nowhere" : `at ${snapshotName({ component, serial })}`);
  throw new UncoupleError(
    "conflict",
    `alias ${alias} points ${name(now)}, not ${name(expected)}: somebody else moved it`,
  );
}
