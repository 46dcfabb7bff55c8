import type { Clock } from "../../common/clock/clock.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import { movesName, type Release } from "../../pipeline/release.ts";
import { causeText } from "../../releases/cause-text.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { ageText } from "./age-text.ts";

type Used = Pick<Release, "composition" | "pinned">;

/** What is in use before the first release. */
const NOTHING: Used = { composition: {}, pinned: [] };

/** What a release moved: `m1@1 -> m1@2, m2@3 new, m3@1 removed, m1 pinned`; `nothing` if it changes neither. */
export function movedText(before: Used | undefined, after: Used): string {
  const { composition, pinned } = before ?? NOTHING;
  const name = (component: string, serial: number) => snapshotName({ component, serial });
  const moved = [...new Set([...Object.keys(composition), ...Object.keys(after.composition)])]
    .sort()
    .flatMap((component) => {
      const [old, now] = [composition[component], after.composition[component]];
      if (old === now) return [];
      if (old === undefined) return [`${name(component, now as number)} new`];
      return [
        now === undefined ? `${name(component, old)} removed` : `${name(component, old)} -> ${name(component, now)}`,
      ];
    });
  const changes = [
    ...moved,
    ...after.pinned.filter((component) => !pinned.includes(component)).map((component) => `${component} pinned`),
    ...pinned.filter((component) => !after.pinned.includes(component)).map((component) => `${component} unpinned`),
  ];
  return changes.length === 0 ? "nothing" : changes.join(", ");
}

/** Its overrides, if it has any: ` (overrides: freeze, held)`. */
function overridesText({ cause }: Release): string {
  const overrides = cause.type === "person" ? (cause.overrides ?? []) : [];
  return overrides.length === 0 ? "" : ` (overrides: ${overrides.join(", ")})`;
}

/** @param before the release before it; undefined for the first */
export function releaseFacts(
  release: Release,
  before: Used | undefined,
  style: Style,
  clock: Pick<Clock, "now">,
): string[] {
  const { number, kind, composition, pinned, gate, at } = release;
  const rows: readonly (readonly [string, string])[] = [
    ["release", `${number}, ${kind}`],
    ["by", `${causeText(release)}${overridesText(release)}`],
    ["moved", movedText(before, release)],
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
    const cells = [
      `${release.number}`,
      release.kind,
      movedText(releases[first + index - 1], release),
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
