import { snapshotName } from "../../pipeline/manifest.ts";
import type { VerdictKind } from "../../pipeline/verdict.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { comparisonText, componentText } from "../text/verdict-text.ts";
import { gatedConclusions, releasesText } from "./gated-text.ts";
import { type DemoResults, type ResultRow, type UpdateOutcome, upstreamRoles } from "./results.ts";

/** Formats the final tables of the demo and its conclusions. */
export function demoText(results: DemoResults, reportFile: string, style: Style, width?: number): string {
  const columns: Column[] = [
    { title: "end-to-end loss (M2* o M1^0 = 100)", wraps: true },
    ...upstreamRoles.map((role) => ({ title: `M1 ${role}`, number: true })),
    { title: "pipeline with M1 consistent", wraps: true },
  ];
  const rows = results.rows.map((row) => [
    labelOf(row, results),
    ...upstreamRoles.map((role) => tenths(row.normalized[role])),
    outcomeText(row, results, style),
  ]);
  const { gated, seconds } = results;
  const snapshots = [...results.snapshots, ...gated.snapshots];
  const compositions = results.compositions + gated.matrix.cells.length;
  const quarantined = results.quarantines.length + gated.quarantines.length;
  const teams = new Set(snapshots.map(({ component }) => component)).size;
  return [
    formatTable(columns, rows, style, width),
    ...conclusions(results),
    "",
    releasesText(gated, style, width),
    ...gatedConclusions(gated),
    "",
    `${snapshots.length} snapshots published by ${teams} teams, ${compositions} compositions measured, ${quarantined} quarantined, in ${formatSeconds(seconds)}.  Report: ${reportFile}`,
    "",
  ].join("\n");
}

/** `M2 proximal  sigma=0.15` */
export function labelOf(row: ResultRow, results: DemoResults): string {
  const run = results.runs.find(({ role }) => role === row.protocol)?.run;
  if (run === undefined) return `M2 ${row.protocol}`;
  const { name, parameters } = run.protocol;
  // M2 has no downstream, so of the proximal protocol's two parameters it uses only sigma.
  const used = name === "proximal" ? { sigma: parameters.sigma ?? "" } : {};
  return plain(`M2 ${formatProtocol({ name, parameters: used })}`);
}

function tenths(value: number | null): string {
  return value === null ? "-" : value.toFixed(1);
}

function outcomeText(row: ResultRow, results: DemoResults, style: Style): string {
  const outcome = row.updates.find(({ update }) => update === "consistent");
  if (outcome?.comparison === undefined || outcome.comparison === null) return "was not measured";
  const { comparison } = outcome;
  const own = ownChange(outcome, results);
  const text = comparisonText(comparison).replace(/^pipeline /, "");
  const kind = colored(style, comparison.kind);
  if (comparison.kind === "improved") return text.replace("improved", kind);
  return `${kind}: ${own === undefined ? "" : `M1 ${own}, `}pipeline ${text}`;
}

/** Change in the update's own loss, which does not depend on M2: `improved 99 %`. */
function ownChange({ snapshot }: UpdateOutcome, results: DemoResults): string | undefined {
  const verdict = results.verdicts.find((one) => snapshotName(one) === snapshot);
  return verdict === undefined ? undefined : componentText(verdict)?.replace(/^\S+ /, "");
}

/** States conclusions, but only those that the numbers support. */
export function conclusions(results: DemoResults): string[] {
  const said = (["incremental", "consistent"] as const).map((update) => {
    const outcomes = results.rows.map((row) => ({
      protocol: row.protocol,
      outcome: row.updates.find((one) => one.update === update),
    }));
    const by = (kind: string) =>
      outcomes.filter(({ outcome }) => outcome?.comparison?.kind === kind).map(({ protocol }) => protocol);
    const [first] = outcomes;
    const own = first?.outcome === undefined ? undefined : ownChange(first.outcome, results);
    const parts = Object.entries(effects).flatMap(([kind, effect]) => {
      const protocols = by(kind);
      return protocols.length === 0 ? [] : [`${effect} under ${listed(protocols)}`];
    });
    return `The ${update} update${own === undefined ? "" : ` (M1's own loss ${own})`} ${parts.join(", ") || "was not compared"}.`;
  });
  const causal = results.rows.find(({ protocol }) => protocol === "causal");
  const async = results.rows.find(({ protocol }) => protocol === "async");
  if (causal?.normalized.initial == null || async?.normalized.initial == null) return said;
  const cost = `Today's cost of causal: a loss of ${formatNumber(causal.normalized.initial)}, against ${formatNumber(async.normalized.initial)} under async, with the M1 that both were trained on.`;
  return [...said, cost];
}

const effects: Readonly<Record<VerdictKind, string>> = {
  "self-defeating": "was self-defeating",
  degraded: "degraded the pipeline",
  equivalent: "had no effect on the pipeline that matters",
  inconclusive: "had no clear effect on the pipeline",
  improved: "improved the pipeline",
};

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  const [last] = names.slice(-1);
  return names.length < 2 ? (last ?? "") : `${names.slice(0, -1).join(", ")} and ${last}`;
}
