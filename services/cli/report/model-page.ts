import { titleOf } from "../../pipeline/manifest.ts";
import type { RunState } from "../../pipeline/run.ts";
import { type ReportSection, reportDocument } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { formatNumber } from "../../report/numbers.ts";
import { fitSections } from "./fit-sections.ts";
import { cardSections } from "./model-card.ts";
import type { ModelReport, SnapshotFacts } from "./model-report.ts";
import { dataSections, lineageSections, testSections, verdictSections } from "./snapshot-sections.ts";
import { trainingSections } from "./training-sections.ts";

/** Renders a page about a run or a snapshot. @param footer versions and times */
export async function modelPage(report: ModelReport, footer: string): Promise<string> {
  const { component, run, snapshot, missing } = report;
  const title =
    snapshot === null
      ? `Run ${run?.run.id ?? ""} of ${component}`
      : titleOf(snapshot.manifest, snapshot.manifest.provenance.origin);
  return reportDocument({
    title,
    summary: summaryOf(report),
    sections: [
      ...(missing.length === 0 ? [] : [missingSection(missing)]),
      ...cardSections(report),
      ...(snapshot === null ? [] : verdictSections(snapshot)),
      ...(snapshot === null ? [] : testSections(snapshot)),
      ...(run === null ? [] : await trainingSections(run)),
      ...(run?.fit == null ? [] : await fitSections(run.fit, run.settings.sample !== undefined)),
      ...(snapshot === null ? [] : dataSections(snapshot.manifest)),
      ...(snapshot === null ? [] : lineageSections(snapshot)),
    ],
    footer,
  });
}

function summaryOf({ component, run, snapshot }: ModelReport): string {
  const state = run === null ? "" : `Run ${run.run.id} of ${component} ${stateText(run.run.state)}. `;
  const fit = run?.fit == null ? "" : `Loss on training rows: ${formatNumber(run.fit.loss)}. `;
  const own = snapshot?.verdict?.componentLoss.candidate ?? null;
  const heldOut = own === null ? "" : `On held-out rows: ${formatNumber(own)}. `;
  return `${state}${fit}${heldOut}${snapshot === null ? "" : judgedText(snapshot)}`.trim();
}

function judgedText({ quarantine, verdict }: SnapshotFacts): string {
  return quarantine === null ? `Verdict: ${verdict?.kind ?? "none"}.` : `Quarantined: ${quarantine.reason}.`;
}

function stateText(state: RunState): string {
  if (state === "succeeded" || state === "failed") return state;
  return `${state === "cancelled" ? "was" : "is"} ${state}`;
}

function missingSection(missing: readonly string[]): ReportSection {
  return {
    heading: "What is missing",
    body: html`<ul>${missing.map((one) => html`<li>${one}</li>`)}</ul>`,
  };
}
