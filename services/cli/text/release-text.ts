import type { Clock } from "../../common/clock/clock.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import { movesName, type Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { causeText } from "../../releases/cause-text.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { ageText } from "./age-text.ts";

/** What a release moved: `m1@1 -> m1@2, m2@3 new, m3@1 removed`; `nothing` if it has the same snapshots. */
export function movedText(before: Composition, after: Composition): string {
  const name = (component: string, serial: number) => snapshotName({ component, serial });
  const moved = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((component) => {
    const [old, now] = [before[component], after[component]];
    if (old === now) return [];
    if (old === undefined) return [`${name(component, now as number)} new`];
    return [
      now === undefined ? `${name(component, old)} removed` : `${name(component, old)} -> ${name(component, now)}`,
    ];
  });
  return moved.length === 0 ? "nothing" : moved.join(", ");
}

/** Its overrides, if it has any: ` (overrides: freeze, held)`. */
function overridesText({ cause }: Release): string {
  const overrides = cause.type === "person" ? (cause.overrides ?? []) : [];
  return overrides.length === 0 ? "" : ` (overrides: ${overrides.join(", ")})`;
}

/** @param before what the release before it had in use */
export function releaseFacts(release: Release, before: Composition, style: Style, clock: Pick<Clock, "now">): string[] {
  const { number, kind, composition, pinned, gate, at } = release;
  const rows: readonly (readonly [string, string])[] = [
    ["release", `${number}, ${kind}`],
    ["by", `${causeText(release)}${overridesText(release)}`],
    ["moved", movedText(before, composition)],
    ["in use", movesName(composition).replaceAll(",", ", ") || "-"],
    ["pinned", pinned.length === 0 ? "-" : pinned.join(", ")],
    ["gate", gate === null ? "-" : gate.slice(0, 12)],
    ["since", `${at}, ${ageText(at, clock)} ago`],
  ];
  return rows.map(([name, value]) => `${style.dim(name.padEnd(10))}${plain(value)}`);
}

/** @param releases oldest first @param shown how many of the newest */
export function releaseTable(releases: readonly Release[], shown: number, style: Style, width: number): string {
  const first = Math.max(0, releases.length - shown);
  const rows = releases.slice(first).map((release, index) => {
    const before = releases[first + index - 1]?.composition ?? {};
    const cells = [
      `${release.number}`,
      release.kind,
      movedText(before, release.composition),
      `${causeText(release)}${overridesText(release)}`,
      release.at,
    ].map(plain);
    return release === releases.at(-1) ? cells.map(style.bold) : cells;
  });
  const columns = [
    { title: "RELEASE", number: true },
    { title: "KIND" },
    { title: "MOVED", wraps: true },
    { title: "BY", wraps: true },
    { title: "TIME" },
  ];
  return formatTable(columns, rows, style, width);
}

/** Says that a release does not cover the pipeline. */
export function noteMissing(missing: readonly string[], note: (text: string) => void): void {
  if (missing.length === 0) return;
  note(plain(`the release is incomplete: no snapshot of ${missing.join(", ")} is in use; promote one of each`));
}
