import { type InForce, newestJudged, pinnedSerials } from "../composition/in-use.ts";
import type { SnapshotHistory } from "../composition/snapshot-history.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { ReleaseDraft } from "./append-release.ts";

/**
 * The release that the rule without a gate asks for: pinned components at their pinned serials, all others at their newest
 * judged snapshots, and nothing that is quarantined. The first one takes its pins from the alias `champion`.
 *
 * A component never goes back to an older snapshot than the released one, unless that one is quarantined or deleted: this
 * process may have seen less than the one that released it. Components that the pipeline file lacks stay as they are, so that
 * evaluators with different files do not undo each other's releases.
 * @returns undefined if the newest release says so already, or there is nothing to release yet
 */
export function ungatedRelease(
  { components }: Pick<Pipeline, "components">,
  history: SnapshotHistory,
  inForce: InForce,
): Pick<ReleaseDraft, "composition" | "pinned" | "kind" | "cause"> | undefined {
  const { release } = inForce;
  const isLost = (component: string, serial: number) =>
    history.isQuarantined({ component, serial }) || history.isDeleted({ component, serial });
  const fixed = pinnedSerials(inForce);
  const newest = newestJudged(components, history, fixed);
  if (release === undefined) {
    // As before the first release, a champion counts once it is judged.
    const isAwaited = ({ name }: { readonly name: string }) =>
      fixed[name] !== undefined && fixed[name] !== newest[name] && history.sound(name).has(fixed[name], Infinity);
    if (Object.keys(newest).length === 0 || components.some(isAwaited)) return undefined;
    const pinned = Object.keys(newest).filter((name) => fixed[name] === newest[name]);
    return { composition: newest, pinned, kind: "promote", cause: { type: "founded" } };
  }
  const composition: Record<string, number> = { ...release.composition };
  for (const { name } of components) {
    const released = release.composition[name];
    const wanted = newest[name];
    const stays = released !== undefined && !isLost(name, released);
    if (stays && (fixed[name] !== undefined || (wanted ?? 0) < released)) continue;
    if (wanted === undefined) delete composition[name];
    else composition[name] = wanted;
  }
  const isSame = (name: string) => composition[name] === release.composition[name];
  const names = new Set([...Object.keys(composition), ...Object.keys(release.composition)]);
  if ([...names].every(isSame)) return undefined;
  return { composition, pinned: release.pinned.filter(isSame), kind: "promote", cause: { type: "ungated" } };
}
