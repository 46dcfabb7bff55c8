import { type SnapshotManifest, titleOf } from "../../pipeline/manifest.ts";
import type { PairedComparison } from "../../pipeline/verdict.ts";
import { type ReportSection, tableHtml } from "../../report/document.ts";
import { type Html, html } from "../../report/html.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { manifestFacts, stepsText } from "../text/manifest-text.ts";
import type { ModelReport, SnapshotFacts } from "./model-report.ts";

/** Facts of a manifest that other sections show. */
const ELSEWHERE = new Set(["data", "tests"]);

/** What the model is, who trained it, what it is for, its numbers and its limits, from what was recorded. */
export function cardSections({ component, run, snapshot }: ModelReport): ReportSection[] {
  const facts: (readonly [string, string])[] =
    snapshot === null
      ? runFacts(run)
      : [
          ["snapshot", titleOf(snapshot.manifest, snapshot.manifest.provenance.origin)],
          ...manifestFacts(snapshot.manifest),
        ];
  const shown = facts.filter(([name]) => !ELSEWHERE.has(name));
  return [
    {
      heading: "Model card",
      body: html`${snapshot !== null && useText(component, snapshot)}${tableHtml(
        [{ title: "Property" }, { title: "Value" }],
        shown.map(([name, text]) => [name, text]),
      )}${snapshot !== null && limitsList(snapshot)}`,
    },
  ];
}

function runFacts(run: ModelReport["run"]): (readonly [string, string])[] {
  if (run === null) return [];
  const { settings, run: own } = run;
  return [
    ["run", own.id],
    ["component", own.component],
    ["state", own.state],
    ["trigger", own.trigger],
    ["protocol", formatProtocol(own.protocol)],
    ["optimizer", `${settings.optimizer.name}, learning rate ${settings.optimizer.learningRate}`],
    ["steps", stepsText(settings) ?? "-"],
    ["seed", `${settings.seed}`],
    ["queued", own.queuedAt],
    ["ended", own.finishedAt ?? "-"],
  ];
}

/** What it is for: its place in the pipeline file. */
function useText(component: string, { manifest, position }: SnapshotFacts): Html {
  const { pipeline, provenance } = manifest;
  if (position === null) return html`<p>A model of component ${component} of pipeline ${pipeline}.</p>`;
  const { columns, upstream, consumers, target, loss, isObjective } = position;
  const reads = [
    ...(columns.length === 0 ? [] : [`the columns ${columns.join(", ")}`]),
    ...(upstream.length === 0 ? [] : [`the output of ${upstream.join(", ")}`]),
  ].join(" and ");
  const goes = [
    ...(consumers.length === 0
      ? []
      : [`${consumers.join(", ")} ${consumers.length === 1 ? "reads" : "read"} its output`]),
    ...(isObjective ? ["its loss counts in the pipeline loss"] : []),
  ].join("; ");
  const protocol =
    provenance.protocol === undefined ? "" : ` It was trained under ${formatProtocol(provenance.protocol)}.`;
  return html`<p>Intended use: component ${component} of pipeline ${pipeline}. It predicts ${target} (${loss}) from ${reads}${goes === "" ? "" : `; ${goes}`}.${protocol}</p>`;
}

/** What the recorded numbers do not support. */
function limitsList({ manifest, verdict, quarantine, position }: SnapshotFacts): Html {
  const { data, counterfactual, tests } = manifest.provenance;
  const detectable = detectableText(verdict?.comparison ?? undefined);
  const limits = [
    ...(quarantine !== null ? [`It is quarantined (${quarantine.reason}): nothing composes it.`] : []),
    ...(verdict === null && quarantine === null
      ? ["No evaluator has judged it: nothing here is measured on held-out rows."]
      : []),
    ...(verdict !== null && verdict.kind !== "improved"
      ? [`Its verdict is ${verdict.kind}: it is not shown to improve the pipeline.`]
      : []),
    ...(tests ?? []).filter(({ passed }) => !passed).map(({ name }) => `It fails the test "${name}" on training rows.`),
    ...(verdict?.tests ?? [])
      .filter(({ passed }) => !passed)
      .map(({ name }) => `It fails the test "${name}" on held-out rows.`),
    ...(verdict?.comparison?.worstSlice?.kind === "degraded"
      ? [`It is worse on ${verdict.comparison.worstSlice.column}: ${verdict.comparison.worstSlice.value}.`]
      : []),
    ...(data?.columns !== undefined && data.columns.length > 0
      ? ["Outside the ranges and values of its training data, it extrapolates."]
      : []),
    ...(counterfactual === undefined ? [] : [`Its targets were estimated (${counterfactual}).`]),
    ...(position !== null && position.upstream.length > 0
      ? [
          `It was trained on the outputs of ${upstreamNames(manifest)}; with other upstream snapshots, only verdicts say how it does.`,
        ]
      : []),
    ...(detectable === undefined
      ? []
      : [`The held-out rows tell apart changes of the pipeline loss from ${detectable} on.`]),
  ];
  return limits.length === 0 ? html`` : html`<p>Limits:</p><ul>${limits.map((limit) => html`<li>${limit}</li>`)}</ul>`;
}

function upstreamNames({ provenance }: SnapshotManifest): string {
  return Object.entries(provenance.upstream ?? {})
    .map(([name, serial]) => `${name}@${serial}`)
    .join(", ");
}

/** Undefined if nothing is known, or for the same model again. */
function detectableText(comparison: PairedComparison | undefined): string | undefined {
  const { detectable = 0, currentLoss = 0 } = comparison ?? {};
  if (detectable === 0) return undefined;
  return currentLoss > 0 ? formatPercent((100 * detectable) / currentLoss, false) : formatNumber(detectable);
}
