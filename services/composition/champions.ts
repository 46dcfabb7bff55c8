import type { Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { AliasChange } from "../registry/registry.ts";
import { CHAMPION, pinnedSerials, readInForce } from "./in-use.ts";

type Logs = Pick<Backplane, "registry" | "ledger">;

/** Component to the aliases of its snapshots: the registry's, with the champion that the newest release says. */
export async function aliasesNow(
  { registry, ledger }: Logs,
  components: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const champions = pinnedSerials(await readInForce({ registry, ledger }));
  const aliasesOf = async (component: string) => {
    const { [CHAMPION]: _, ...others } = await registry.aliases(component);
    const champion = champions[component];
    return champion === undefined ? others : { [CHAMPION]: champion, ...others };
  };
  return new Map(await Promise.all(components.map(async (name) => [name, await aliasesOf(name)] as const)));
}

/**
 * Returns the changes of a component's aliases, oldest first by their times: those of the alias log, and from the first release
 * on those of its champion that releases made.
 */
export async function aliasHistory({ registry, ledger }: Logs, component: string): Promise<readonly AliasChange[]> {
  let changes = await registry.aliasLog(component);
  let pinned: Composition | undefined;
  for await (const release of releasesOf(ledger)) {
    if (pinned === undefined) {
      // Champions that came later, of earlier versions, count for nothing.
      changes = changes.filter(({ alias, at }) => alias !== CHAMPION || Date.parse(at) <= Date.parse(release.at));
      const champion = changes.findLast(({ alias }) => alias === CHAMPION)?.serial ?? null;
      pinned = champion === null ? {} : { [component]: champion };
    }
    changes = [...changes, ...pinChanges(release, pinned).filter((change) => change.component === component)];
    pinned = pinnedSerials({ release, champions: {} });
  }
  return changes.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** The releases of a ledger, oldest first. */
export async function* releasesOf(ledger: Pick<Backplane["ledger"], "read">): AsyncIterable<Release> {
  for await (const { value } of ledger.read(0)) if (value.entry === "release") yield value;
}

/**
 * What a release changes about champions, as changes of that alias.
 * @param before component to serial: what was pinned before, for the first release the champions of the alias log
 */
export function pinChanges(release: Release, before: Composition): readonly AliasChange[] {
  const { kind, cause, at } = release;
  const pinned = pinnedSerials({ release, champions: {} });
  const by = cause.type === "person" ? authorText(cause) : cause.type;
  return [...new Set([...Object.keys(before), ...Object.keys(pinned)])]
    .filter((component) => before[component] !== pinned[component])
    .map((component) => ({
      component,
      alias: CHAMPION,
      kind: kind === "rollback" ? "rollback" : "set",
      serial: pinned[component] ?? null,
      previous: before[component] ?? null,
      by,
      at,
    }));
}

/** Who changed something and why, as alias changes say it. */
export function authorText({ by, reason }: { readonly by: string; readonly reason: string | null }): string {
  return reason === null ? by : `${by}: ${reason}`;
}
