import { snapshotName, titleOf } from "../../pipeline/manifest.ts";
import type {
  Composition,
  InconclusiveReason,
  ObjectiveDifference,
  PairedComparison,
  Quarantine,
  Verdict,
} from "../../pipeline/verdict.ts";
import { formatNumber, formatPercent, relativeChange } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { consistencyLines } from "./consistency-text.ts";
import { interfaceLines } from "./interface-text.ts";
import { testLines } from "./model-test-text.ts";

const reasons = {
  "no-current-snapshot": "first snapshot of its component, nothing to compare it with",
  "incomplete-pipeline": "another component has no snapshot yet",
  "not-finite": "the composed prediction of another component is not finite",
  "too-few-rows": "too few rows for such a tail",
} satisfies Readonly<Record<InconclusiveReason, string>>;

/** Why a verdict is inconclusive; a reason that this version does not know stands for itself. */
export function reasonText(reason: Verdict["reason"]): string | undefined {
  return reason === undefined ? undefined : ((reasons as Readonly<Record<string, string>>)[reason] ?? reason);
}

/**
 * Formats a change in loss relative to `from`, with its 95 % interval: `improved 99 %`, `degraded 94 % [71, 118]`, or
 * `+0.3 % [-0.4, 1.1]` if the interval contains 0.
 */
export function changeText(from: number, to: number, interval: readonly [number, number] | null, shown = true): string {
  const change = relativeChange(from, to);
  if (change === undefined) return `changed from ${formatNumber(from)} to ${formatNumber(to)}`;
  const ends = (interval ?? []).map((end) => (100 * end) / from);
  const certain = change !== 0 && (ends.every((end) => end > 0) || ends.every((end) => end < 0));
  const turned = certain && change < 0 ? ends.map((end) => -end).reverse() : ends;
  const brackets = shown && turned.length > 0 ? ` [${turned.map(whole).join(", ")}]` : "";
  if (!certain) return `${formatPercent(change)}${brackets}`;
  return `${change < 0 ? "improved" : "degraded"} ${formatPercent(Math.abs(change), false)}${brackets}`;
}

function whole(percent: number): string {
  return formatPercent(percent, false).replace(" %", "");
}

/** Change in the component's own loss, if known: `m1 improved 99 %`. */
export function componentText({ component, componentLoss, componentInterval }: Verdict): string | undefined {
  const { current, candidate } = componentLoss;
  if (current === null || candidate === null) return undefined;
  return `${component} ${changeText(current, candidate, componentInterval, false)}`;
}

export function comparisonText(comparison: PairedComparison): string {
  const { bound } = comparison;
  const limit = bound === undefined ? "" : ` (row losses up to ${formatNumber(bound)})`;
  return `pipeline ${differenceText(comparison, limit)}`;
}

type Difference = Pick<PairedComparison, "currentLoss" | "candidateLoss" | "interval" | "reason">;

/** As `changeText`, or the change seen and why it says nothing: `+0.3 %, too few rows for such a tail`. @param note behind it */
export function differenceText({ currentLoss, candidateLoss, interval, reason }: Difference, note = ""): string {
  if (reason === undefined) return `${changeText(currentLoss, candidateLoss, interval)}${note}`;
  // Neither a word nor an interval: these rows support none.
  const change = relativeChange(currentLoss, candidateLoss);
  const seen = change === undefined ? formatNumber(candidateLoss - currentLoss) : formatPercent(change);
  return `${seen}${note}, ${reasonText(reason)}`;
}

/** One of several objectives: `tip improved 4 % [3, 5]`; `fare unchanged` if no row's loss changes. */
function objectiveText(objective: ObjectiveDifference): string {
  const { component, difference, interval } = objective;
  const isSame = difference === 0 && interval.every((end) => end === 0);
  return `${component} ${isSame ? "unchanged" : differenceText(objective)}`;
}

/**
 * What would decide an inconclusive verdict, and what its mean does not show: `2,500 rows tell apart 1.9 %, this would need
 * 9,800; tip improved 4 % [3, 5], fare unchanged; slice device=tv degraded 12 %`. Only a degraded slice is named.
 */
function detailText({ kind, rows, comparison, heldOut }: Verdict): readonly string[] {
  if (comparison === null) return [];
  const { currentLoss, detectable, rowsNeeded, reason, objectives, worstSlice } = comparison;
  const count = (value: number) => value.toLocaleString("en-US");
  const said: string[] = [];
  if (reason === "too-few-rows" && typeof rowsNeeded === "number")
    said.push(`about ${count(rowsNeeded)} rows would do`);
  else if (kind === "inconclusive" && detectable !== undefined && detectable > 0) {
    const apart = currentLoss > 0 ? formatPercent((100 * detectable) / currentLoss, false) : formatNumber(detectable);
    const needed = typeof rowsNeeded === "number" ? `, this would need ${count(rowsNeeded)}` : "";
    said.push(`${count(rows)} rows tell apart ${apart}${needed}`);
  }
  if (objectives !== undefined) said.push(objectives.map(objectiveText).join(", "));
  if (worstSlice?.kind === "degraded") {
    const { column, value, relative, difference } = worstSlice;
    const change = relative === null ? `by ${formatNumber(difference)}` : formatPercent(100 * relative, false);
    said.push(`slice ${column}=${value} degraded ${change}`);
  }
  const { question = 0, horizon = Number.POSITIVE_INFINITY } = heldOut ?? {};
  if (question > horizon) said.push(`verdict ${count(question)} on rows declared good for ${count(horizon)}`);
  return said;
}

/** The snapshots of the other components in a composition: `m2@1`. */
export function othersText(composition: Composition, component: string): string {
  return Object.entries(composition)
    .filter(([name]) => name !== component)
    .map(([name, serial]) => snapshotName({ component: name, serial }))
    .join(", ");
}

/** A verdict in one line: `m1@3  self-defeating: m1 improved 99 %, pipeline degraded 94 % [71, 118] (with m2@1)`. */
export function verdictLine(verdict: Verdict, style: Style): string {
  const { kind, reason, comparison, component } = verdict;
  const own = componentText(verdict);
  const said = comparison === null ? [reasonText(reason)] : [own, comparisonText(comparison)];
  const others = comparison === null ? "" : othersText(comparison.candidate, component);
  const parts = [said.filter((part) => part !== undefined).join(", "), ...detailText(verdict)];
  const text = parts.join("; ");
  return `${style.bold(plain(titleOf(verdict, verdict.origin)))}  ${colored(style, kind)}: ${plain(text)}${others === "" ? "" : style.dim(` (with ${others})`)}`;
}

/** The same update with each other retained snapshot of a consumer, one line each. */
export function alternativeLines({ alternatives, component }: Verdict, style: Style): string[] {
  return alternatives.map(
    (comparison) =>
      `    with ${othersText(comparison.candidate, component)}: ${colored(style, comparison.kind)}, ${comparisonText(comparison)}`,
  );
}

/** All that is shown of a verdict: its line, and below it the component's output, the alternatives, consistency gaps and tests. */
export function verdictLines(verdict: Verdict, style: Style): string[] {
  return [
    verdictLine(verdict, style),
    ...interfaceLines(verdict),
    ...alternativeLines(verdict, style),
    ...consistencyLines(verdict),
    ...testLines(verdict.tests, style),
  ];
}

export function quarantineLine(quarantine: Quarantine, style: Style): string {
  const { reason, detail } = quarantine;
  return `${style.bold(plain(snapshotName(quarantine)))}  ${style.red("quarantined")}: ${plain(`${reason}: ${detail}`)}`;
}
