import type { Criterion, Decision, Release } from "../../pipeline/release.ts";
import { movesName } from "../../pipeline/release.ts";
import { causeText } from "../../releases/cause-text.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { reasonsText } from "../text/decision-text.ts";
import { movedText } from "../text/release-text.ts";
import { type GatedResults, snapshotOf } from "./gated-results.ts";

/** `release 3: m1@1 -> m1@2, m2@1 -> m2@2 (the gate)` */
export function releaseLine(release: Release, before: Release | undefined, style: Style): string {
  const moved = movedText(before, release);
  return `${style.bold(`release ${release.number}`)}: ${plain(moved)} (${plain(causeText(release))})`;
}

/** Formats the releases with their losses. */
export function releasesText({ releases, inUse }: GatedResults, style: Style, width?: number): string {
  const rows = releases.map((release, index) => [
    `${release.number}`,
    movedText(releases[index - 1], release),
    formatNumber(inUse.released[index]?.normalized),
    causeText(release),
  ]);
  const columns = [
    { title: "release", number: true },
    { title: "moved", wraps: true },
    { title: "end-to-end loss (first pair = 100)", number: true, wraps: true },
    { title: "by", wraps: true },
  ];
  return formatTable(columns, rows, style, width);
}

/** States what the gate did, as far as the results say it. */
export function gatedConclusions(results: GatedResults): string[] {
  const { decisions, gate } = results;
  const asked = decisions.filter(({ decision }) => decision.asked !== null).length;
  return [
    ...consistentText(results),
    ...withoutGateText(results),
    ...causalText(results),
    `Questions asked of the confirm rows: ${asked} of ${gate.horizon}.`,
  ];
}

function consistentText(results: GatedResults): string[] {
  const name = snapshotOf("consistent", results);
  const single = name === undefined ? undefined : firstDecision(name, results);
  if (name === undefined || single === undefined) return [];
  const index = results.releases.findIndex(({ composition }) => movesName(composition).split(",").includes(name));
  const release = results.releases[index];
  if (single.decision === "promoted") return [`The gate promoted ${name} by itself${lossText(results, index)}.`];
  const { name: of, difference } = pipelineCriterion(single) ?? {};
  const change =
    of === undefined || difference === null || difference === undefined
      ? ""
      : `, which would have ${difference > 0 ? "raised" : "lowered"} the pipeline loss by ${formatPercent(100 * Math.abs(difference), false)}`;
  const said = `The gate ${single.decision} ${name} by itself${change}`;
  const asked = single.needs.length === 0 ? "" : `, and asked for ${single.needs.join(", ")} to be retrained on it`;
  if (release === undefined)
    return [`${said}${asked}. ${name} was not released${whyText(lastDecision(name, results))}.`];
  const moved = movedText(results.releases[index - 1], release);
  return [`${said}${asked}. Release ${release.number} moved ${moved}${lossText(results, index)}.`];
}

/** `: the loss fell from 100 to 2.40` */
function lossText({ inUse }: GatedResults, index: number): string {
  const [before, after] = [inUse.released[index - 1]?.normalized, inUse.released[index]?.normalized];
  if (before == null || after == null) return "";
  return `: the loss ${after < before ? "fell" : "rose"} from ${formatNumber(before)} to ${formatNumber(after)}`;
}

/** The worst that newest snapshots would have been, where the gate released something else. */
function withoutGateText({ releases, inUse }: GatedResults): string[] {
  const released = new Set(releases.map(({ composition }) => movesName(composition)));
  const [worst] = inUse.newest
    .flatMap(({ composition, normalized: loss }) =>
      loss === null || released.has(movesName(composition)) ? [] : [{ composition, loss }],
    )
    .sort((a, b) => b.loss - a.loss);
  if (worst === undefined) return [];
  const together = movesName(worst.composition).replaceAll(",", " and ");
  return [`Without a gate, ${together} would have been in use together, with a loss of ${formatNumber(worst.loss)}.`];
}

function causalText(results: GatedResults): string[] {
  const name = snapshotOf("causal", results);
  const decision = name === undefined ? undefined : lastDecision(name, results);
  if (decision === undefined) return [];
  const measured = decision.criteria.flatMap(({ name: of, difference }) =>
    of === "guard" || of === "slice" || of === "drift" || difference === null
      ? []
      : [`${of === "audited" ? "audited" : "pipeline"} loss ${formatPercent(100 * difference)}`],
  );
  const what = `M2's move to causal training, ${movesName(decision.moves)}, was ${decision.decision}`;
  return [`${what}: ${measured.join(", ") || "not measured"}${whyText(decision)}.`];
}

/** ` (neither shown to be good enough nor to be worse; too few screen rows for audited: about 18,332 are needed)` */
function whyText(decision: Decision | undefined): string {
  if (decision === undefined || decision.decision === "promoted") return "";
  return ` (${[reasonsText(decision), ...(decision.detail === undefined ? [] : [decision.detail])].join("; ")})`;
}

/** The first decision on a snapshot alone. */
function firstDecision(name: string, { decisions }: GatedResults): Decision | undefined {
  return decisions.find(({ decision }) => movesName(decision.moves) === name)?.decision;
}

/** The last decision that moves a snapshot, alone or in a set. */
function lastDecision(name: string, { decisions }: GatedResults): Decision | undefined {
  return decisions.findLast(({ decision }) => movesName(decision.moves).split(",").includes(name))?.decision;
}

/** Of the pipeline loss, whatever the gate measures. */
function pipelineCriterion({ criteria }: Decision): Criterion | undefined {
  return criteria.find(({ name }) => name === "composed" || name === "transition");
}
