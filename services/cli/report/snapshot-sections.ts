import type { CoordinateProfile } from "../../pipeline/column-profile.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { TestResult } from "../../pipeline/model-test.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import { badge, figure, type ReportSection, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { type LineageNode, lineage } from "../../report/lineage.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { testResult } from "../text/model-test-text.ts";
import { comparisonText, componentText, reasonText } from "../text/verdict-text.ts";
import type { SnapshotFacts } from "./model-report.ts";

/** The rows that it was trained on, as its manifest describes them. */
export function dataSections({ provenance }: SnapshotManifest): ReportSection[] {
  const { data } = provenance;
  if (data === undefined) return [];
  const until = data.until === undefined ? "" : ` up to ${data.until}`;
  const columns = (data.columns ?? []).flatMap(({ name, coordinates }) =>
    coordinates.map((coordinate, place) => [
      coordinates.length === 1 ? name : `${name}[${place}]`,
      ...profileCells(coordinate),
    ]),
  );
  return [
    {
      heading: "Training data",
      text: `${data.rows.toLocaleString("en-US")} training rows${until}. Trainings with the fingerprint ${data.fingerprint.slice(0, 16)} saw the same rows.`,
      body:
        columns.length === 0
          ? html``
          : tableHtml(
              [{ title: "Column" }, { title: "0.1 % to 99.9 %" }, { title: "Deciles, or most frequent values" }],
              columns,
            ),
    },
  ];
}

function profileCells({ edges, range, values, shares }: CoordinateProfile): readonly [string, string] {
  const between = range === undefined ? "" : `${formatNumber(range[0])} to ${formatNumber(range[1])}`;
  if (edges !== undefined) return [between, edges.map(formatNumber).join(", ")];
  const named = (values ?? []).slice(0, 8).map((value, bin) => `${value} ${percent(shares[bin])}`);
  return ["", named.join(", ")];
}

const percent = (share = 0) => formatPercent(100 * share, false);

/** The tests of its team and of the pipeline, on training and on held-out rows. */
export function testSections({ manifest, verdict }: SnapshotFacts): ReportSection[] {
  const rowOf = (where: string) => (test: TestResult) => [
    test.name,
    where,
    html`<span class="${colorOf(test)}">${testResult(test)}</span>`,
    test.skipped === undefined ? `${test.violations} of ${test.rows}` : "",
    (test.examples ?? []).join(", "),
  ];
  const rows = [
    ...(manifest.provenance.tests ?? []).map(rowOf("training")),
    ...(verdict?.tests ?? []).map(rowOf("held out")),
  ];
  if (rows.length === 0) return [];
  const columns = ["Test", "Rows", "Result", "Violations", "Worst rows"].map((title) => ({ title }));
  return [{ heading: "Tests", body: tableHtml(columns, rows) }];
}

function colorOf({ passed, skipped }: TestResult): "promoted" | "refused" | "skipped" {
  if (skipped !== undefined) return "skipped";
  return passed ? "promoted" : "refused";
}

/** What the evaluator measured on held-out rows. */
export function verdictSections({ verdict, quarantine }: SnapshotFacts): ReportSection[] {
  if (quarantine !== null) {
    const body = html`<p>${badge("quarantined")} ${quarantine.reason}: ${quarantine.detail}</p>`;
    return [{ heading: "On held-out rows", body }];
  }
  if (verdict === null) return [{ heading: "On held-out rows", body: html`<p>It has not been judged yet.</p>` }];
  const { kind, reason, comparison, rows, level, evaluator, judgedAt, componentLoss } = verdict;
  const own = componentText(verdict);
  const said = comparison === null ? [reasonText(reason)] : [own, comparisonText(comparison)];
  const measured = componentLoss.candidate === null ? "" : ` Its own loss is ${formatNumber(componentLoss.candidate)}.`;
  return [
    {
      heading: "On held-out rows",
      text: `The verdict of ${evaluator} on ${rows.toLocaleString("en-US")} rows that no trainer sees, of ${judgedAt}: the snapshot against the one in use, everything else as it was in use. Intervals at ${formatPercent(100 * level, false)}.`,
      body: html`<p>${badge(kind)} ${said.filter((part) => part !== undefined).join(", ")}.${measured}</p>${sliceTable(verdict)}`,
    },
  ];
}

function sliceTable({ comparison }: Verdict) {
  const slices = comparison?.slices ?? [];
  if (slices.length === 0) return false;
  return tableHtml(
    [
      { title: "Slice" },
      { title: "Rows", number: true },
      { title: "" },
      { title: "Difference", number: true },
      { title: "Interval" },
      { title: "Relative", number: true },
    ],
    slices.map(({ column, value, rows, kind, difference, interval, relative }) => [
      `${column}: ${value}`,
      rows.toLocaleString("en-US"),
      badge(kind),
      formatNumber(difference),
      `[${interval.map(formatNumber).join(", ")}]`,
      relative === null ? "-" : formatPercent(100 * relative),
    ]),
  );
}

/** What it was made from, and where it went. */
export function lineageSections(facts: SnapshotFacts): ReportSection[] {
  const { manifest, origins, releases, usedBy, aliases, verdict, quarantine } = facts;
  const all = [...origins, manifest].sort((a, b) => ancestorsOf(a) - ancestorsOf(b) || a.serial - b.serial);
  const components = [...new Set(all.map(({ component }) => component))];
  const nodes = all.map((one): LineageNode => {
    const isSubject = one === manifest;
    const outcome = quarantine === null ? verdict?.kind : "quarantined";
    const { protocol } = one.provenance;
    return {
      component: one.component,
      serial: one.serial,
      parent: one.parent,
      upstream: one.provenance.upstream ?? {},
      caption: protocol === undefined ? "" : formatProtocol(protocol),
      ...(isSubject && outcome !== undefined && { outcome }),
      ...(isSubject && { aliases }),
    };
  });
  const named = releases.length === 0 ? "It is in no release." : `It is in ${releaseText(releases)}.`;
  const used = usedBy.length === 0 ? "" : ` Other pipelines use it: ${usedBy.join(", ")}.`;
  return [
    {
      heading: "Lineage",
      text: `Solid arrows lead from the snapshots that imputed its training inputs, a dashed one from the snapshot before it. ${named}${used}`,
      body: figure(lineage(components, nodes)),
    },
  ];
}

/** A component reads all ancestors of what it reads, so this orders components by the direction of the data. */
const ancestorsOf = ({ provenance }: SnapshotManifest) => Object.keys(provenance.upstream ?? {}).length;

function releaseText(releases: readonly number[]): string {
  const [first, last] = [releases[0], releases.at(-1)];
  return releases.length === 1 ? `release ${first}` : `${releases.length} releases, from ${first} to ${last}`;
}
