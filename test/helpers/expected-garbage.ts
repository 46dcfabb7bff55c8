import { type SnapshotManifest, snapshotName } from "../../services/pipeline/manifest.ts";
import type { Release } from "../../services/pipeline/release.ts";
import type { RetentionPolicy } from "../../services/pipeline/tombstone.ts";
import { rollbackTarget } from "../../services/registry/alias-history.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import type { AliasChange } from "../../services/registry/registry.ts";

/**
 * What must stay, read from the whole store and in the words of the documentation, without any of the indexes that garbage
 * collection uses.
 *
 * @param pinned names
 * @returns names of snapshots whose models must stay
 */
export async function expectedToStay(
  { registry, verdicts, quarantines, retention, ledger }: Backplane,
  policy: RetentionPolicy,
  pinned: readonly string[],
): Promise<ReadonlySet<string>> {
  const gone = new Set((await retention.tombstones()).map(snapshotName));
  const all = await registry.list();
  const present = all.filter((manifest) => !gone.has(snapshotName(manifest)));
  const judged = new Set((await verdicts.list()).map(snapshotName));
  const refused = new Set((await quarantines.list()).map(snapshotName));
  const components = [...new Set(all.map(({ component }) => component))];
  const of = (component: string, among: readonly SnapshotManifest[]) =>
    among.filter((manifest) => manifest.component === component);
  const stay = new Set(pinned);
  const releases: Release[] = [];
  for await (const { value } of ledger.read(0)) if (value.entry === "release") releases.push(value);
  const newest = releases.at(-1);
  for (const { composition } of releases.slice(-policy.champions - 1)) {
    for (const [component, serial] of Object.entries(composition)) stay.add(snapshotName({ component, serial }));
  }
  const champions = new Map<string, number>();
  for (const component of components) {
    for (const manifest of of(component, present).slice(-policy.keep)) stay.add(snapshotName(manifest));
    const { champion, ...aliases } = await registry.aliases(component);
    for (const serial of Object.values(aliases)) stay.add(snapshotName({ component, serial }));
    const log = (await registry.aliasLog(component)).filter(({ alias }) => alias === "champion");
    for (const { composition, pinned, kind } of releases) {
      const serial = pinned.includes(component) ? (composition[component] ?? null) : null;
      const previous = log.at(-1)?.serial ?? null;
      if (serial === previous) continue;
      const change = { component, alias: "champion", serial, previous, by: "", at: "" };
      log.push({ ...change, kind: kind === "rollback" ? "rollback" : "set" });
    }
    const now = newest === undefined ? champion : log.at(-1)?.serial;
    if (typeof now === "number") {
      champions.set(component, now);
      stay.add(snapshotName({ component, serial: now }));
    }
    const changes = log.slice(Math.max(0, log.length - policy.champions));
    for (const { previous } of changes) if (previous !== null) stay.add(snapshotName({ component, serial: previous }));
    for (const serial of rollbacks(log, component, policy.champions)) stay.add(snapshotName({ component, serial }));
  }
  /** The champion or else the newest of some snapshots. */
  const choose = (component: string, among: readonly SnapshotManifest[]) => {
    const mine = of(component, among);
    const chosen = mine.find(({ serial }) => serial === champions.get(component)) ?? mine.at(-1);
    if (chosen !== undefined) stay.add(snapshotName(chosen));
  };
  const sound = present.filter((manifest) => !refused.has(snapshotName(manifest)));
  const usable = sound.filter((manifest) => judged.has(snapshotName(manifest)));
  if (newest === undefined) for (const component of components) choose(component, usable);
  for (const candidate of sound.filter((manifest) => !judged.has(snapshotName(manifest)))) {
    stay.add(snapshotName(candidate));
    const before = all.slice(0, all.indexOf(candidate));
    for (const component of components) {
      choose(
        component,
        sound.filter((manifest) => before.includes(manifest)),
      );
    }
  }
  for (let size = -1; size < stay.size; ) {
    size = stay.size;
    for (const manifest of present.filter((one) => stay.has(snapshotName(one)))) {
      const { upstream = {} } = manifest.provenance;
      for (const [component, serial] of Object.entries(upstream)) stay.add(snapshotName({ component, serial }));
    }
  }
  return new Set([...stay].filter((name) => !gone.has(name)));
}

/** The targets of as many rollbacks, one after another. */
function rollbacks(log: readonly AliasChange[], component: string, count: number): readonly number[] {
  const changes = [...log];
  const targets: number[] = [];
  while (targets.length < count) {
    let serial: number;
    try {
      serial = rollbackTarget(changes, component, "champion");
    } catch {
      break;
    }
    targets.push(serial);
    changes.push({ component, alias: "champion", kind: "rollback", serial, previous: null, by: "", at: "" });
  }
  return targets;
}
