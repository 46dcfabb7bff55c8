import { snapshotName } from "../../pipeline/manifest.ts";
import type { Composition, InconclusiveReason, PairedComparison, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { formatNumber, formatPercent, relativeChange } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";

const reasons = {
  "no-current-snapshot": "first snapshot of its component, nothing to compare it with",
  "incomplete-pipeline": "another component has no snapshot yet",
  "not-finite": "the composed prediction of another component is not finite",
} satisfies Readonly<Record<InconclusiveReason, string>>;

/** Why a verdict has no comparison; a reason that this version does not know stands for itself. */
function reasonText(reason: Verdict["reason"]): string | undefined {
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

export function comparisonText({ currentLoss, candidateLoss, interval }: PairedComparison): string {
  return `pipeline ${changeText(currentLoss, candidateLoss, interval)}`;
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
  const text = said.filter((part) => part !== undefined).join(", ");
  return `${style.bold(plain(snapshotName(verdict)))}  ${colored(style, kind)}: ${plain(text)}${others === "" ? "" : style.dim(` (with ${others})`)}`;
}

/** The same update with each other retained snapshot of a consumer, one line each. */
export function alternativeLines({ alternatives, component }: Verdict, style: Style): string[] {
  return alternatives.map(
    (comparison) =>
      `    with ${othersText(comparison.candidate, component)}: ${colored(style, comparison.kind)}, ${comparisonText(comparison)}`,
  );
}

export function quarantineLine(quarantine: Quarantine, style: Style): string {
  const { reason, detail } = quarantine;
  return `${style.bold(plain(snapshotName(quarantine)))}  ${style.red("quarantined")}: ${plain(`${reason}: ${detail}`)}`;
}
