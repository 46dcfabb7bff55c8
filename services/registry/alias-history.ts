import { UncoupleError } from "../common/errors.ts";
import { snapshotName } from "../pipeline/manifest.ts";
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

/** The targets of an alias in order, without undone changes; adjacent ones differ. */
function targets(
  log: readonly AliasChange[],
  alias: string,
): { readonly past: readonly number[]; readonly removed: boolean } {
  const past: number[] = [];
  let removed = false;
  for (const change of log) {
    if (change.alias !== alias) continue;
    removed = change.serial === null;
    if (change.serial === null) continue;
    if (change.kind === "rollback") while (past.length > 0 && past.at(-1) !== change.serial) past.pop();
    else if (past.at(-1) !== change.serial) past.push(change.serial);
  }
  return { past, removed };
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
