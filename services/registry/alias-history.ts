import { UncoupleError } from "../common/errors.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { AliasChange } from "./registry.ts";

/** Applies the changes of a component's aliases, oldest first, and returns where each alias points. */
export function aliasesAfter(log: readonly AliasChange[]): Readonly<Record<string, number>> {
  const now: Record<string, number> = {};
  for (const change of log) {
    if (change.serial === null) delete now[change.alias];
    else now[change.alias] = change.serial;
  }
  return now;
}

/**
 * Returns the serial that a rollback restores: where the alias pointed before its last change, ignoring changes that an
 * earlier rollback undid and skipping removals.
 * @throws UncoupleError `failed-precondition` if there is nothing to roll back to
 */
export function rollbackTarget(log: readonly AliasChange[], component: string, alias: string): number {
  /** The targets in order, without undone changes; adjacent ones differ. */
  const past: number[] = [];
  let removed = false;
  for (const change of log) {
    if (change.alias !== alias) continue;
    removed = change.serial === null;
    if (change.serial === null) continue;
    if (change.kind === "rollback") while (past.length > 0 && past.at(-1) !== change.serial) past.pop();
    else if (past.at(-1) !== change.serial) past.push(change.serial);
  }
  const target = past.at(removed ? -1 : -2);
  if (target !== undefined) return target;
  throw new UncoupleError(
    "failed-precondition",
    `alias ${alias} of ${component} never pointed anywhere else: there is nothing to go back to`,
  );
}

/** @throws UncoupleError `conflict` if the alias does not point at the expected serial */
export function checkAlias(
  log: readonly AliasChange[],
  component: string,
  alias: string,
  expected: number | null,
): void {
  const now = aliasesAfter(log)[alias] ?? null;
  if (now === expected) return;
  const name = (serial: number | null) => (serial === null ? "nowhere" : `at ${snapshotName({ component, serial })}`);
  throw new UncoupleError(
    "conflict",
    `alias ${alias} points ${name(now)}, not ${name(expected)}: somebody else moved it`,
  );
}
