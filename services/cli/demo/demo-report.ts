import { CHAMPION } from "../../composition/in-use.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { PairedComparison, Verdict } from "../../pipeline/verdict.ts";
import { type Bar, barChart } from "../../report/bar-chart.ts";
import { badge, figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { type HeatMap, heatMap } from "../../report/heat-map.ts";
import { type Html, html } from "../../report/html.ts";
import { lineChart } from "../../report/line-chart.ts";
import { type LineageNode, lineage } from "../../report/lineage.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import { gapSize } from "../text/consistency-text.ts";
import { adapterText, shiftText } from "../text/interface-text.ts";
import { isInUse } from "../text/matrix-text.ts";
import { comparisonText, componentText, differenceText, othersText } from "../text/verdict-text.ts";
import { conclusions, labelOf } from "./demo-text.ts";
import { gatedSections } from "./gated-report.ts";
import { type DemoResults, type UpstreamRole, upstreamRoles } from "./results.ts";

/** Renders the demo's results as an HTML document. */
export async function demoReport(results: DemoResults): Promise<string> {
  const { oracleLoss, rows, seed, seconds, snapshots } = results;
  const columns = upstreamRoles.map(columnOf);
  return reportDocument({
    title: "What each update did to the whole pipeline",
    summary: conclusions(results).join(" "),
    sections: [
      {
        heading: "End-to-end loss of every pair of snapshots",
        text: `Mean squared error of M2 on M1's predictions over the held-out rows, scaled so that the true M2 with the first M1 (${formatNumber(oracleLoss)}) has 100. Lower is better. Each row is an M2 that was trained on the first M1 (left column); the columns to its right show the same M2 with a better M1. The outlined pair is in use.`,
        body: figure(
          await heatMap({
            label: "End-to-end loss by M2 and M1",
            rowTitle: "",
            columnTitle: "",
            rows: rows.map((row) => labelOf(row, results)),
            columns,
            values: rows.map(({ normalized }) => upstreamRoles.map((role) => normalized[role])),
            ...outlinedPair(results),
          }),
        ),
      },
      {
        heading: "Every pair against the pair in use",
        text: "Change in the end-to-end loss if a pair were in use instead, with its interval. The intervals are corrected for the number of pairs: all words hold together at 95 %.",
        body: differenceTable(results),
      },
      {
        heading: "Effect of M1's updates",
        text: "Change in the end-to-end loss when M1 is updated, for each M2 and in the same units. The thin lines are intervals of the paired difference over held-out rows, at 95 % with the M2 in use, and corrected for their number with the others. Below 0, the pipeline improved.",
        body: figure(
          await barChart({
            label: "Change in the end-to-end loss by update and protocol",
            groupTitle: "update of M1",
            yTitle: "change in the end-to-end loss",
            bars: changeBars(results),
          }),
        ),
      },
      ...forecastSection(results),
      {
        heading: "Verdicts",
        text: "The evaluator's verdicts in order. Each one compares a new snapshot with the snapshot in use, with the other components as they were in use. Updates of M1 are also judged with the other snapshots of M2. The output of M1, which M2 reads, is compared with the output before, in standard deviations (sd) of that; where the pipeline got worse, an affine map between the two is tried, too.",
        body: verdictTable(results),
      },
      {
        heading: "Training loss",
        text: "Mean loss on standardized outputs over each chunk of steps. The proximal, causal and async losses have different targets, so compare their trends, not their values.",
        body: figure(
          await lineChart({
            label: "Training loss over steps by run",
            xTitle: "step",
            yTitle: "training loss",
            logY: true,
            series: results.runs.map(({ role, run, losses }) => ({
              name: `${run.component} ${role}`,
              points: losses.map(({ step, loss }) => ({ x: step, y: loss })),
            })),
          }),
        ),
      },
      {
        heading: "Snapshot lineage",
        text: "Solid arrows lead from a snapshot to the snapshots trained on its predictions, dashed arrows to the next snapshot of the same component. Colors show the verdicts at the time of publication.",
        body: figure(lineage(["m1", "m2"], lineageNodes(results))),
      },
      ...(await gatedSections(results.gated)),
    ],
    footer: `Pipeline ${results.pipeline}, data seed ${seed}, ${snapshots[0]?.provenance.data?.rows ?? 0} training rows, ${results.verdicts[0]?.rows ?? 0} held out, engine ${snapshots[0]?.provenance.engine ?? "unknown"}, backplane ${results.backplane}, ${formatSeconds(seconds)}, Uncouple ${results.codeVersion}. Based on Modi et al. (2023), section 4. The same seed and engine give the same numbers; results.json in the same folder has all of them.`,
  });
}

/** What verdicts on M2 forecast before M1 was updated, beside what happened; none without annotated held-out rows. */
function forecastSection(results: DemoResults): ReportSection[] {
  const forecasts = results.rows.flatMap((row) => {
    const judged = results.verdicts.find((verdict) => snapshotName(verdict) === row.snapshot);
    const gap = judged?.consistency?.candidate[0];
    const comparison = row.updates.find(({ update }) => update === "consistent")?.comparison;
    if (gap === undefined || comparison === undefined || comparison === null) return [];
    const happened = html`${badge(comparison.kind)} ${comparisonText(comparison).replace("pipeline ", "")}`;
    return [[labelOf(row, results), html`${badge(gap.kind)} ${gapSize(gap)}`, happened]];
  });
  if (forecasts.length === 0) return [];
  return [
    {
      heading: "Forecasts",
      text: "The consistency gap of each M2, from the verdict on it, before M1 trained anything better: the change of the pipeline loss if M2 read the annotated z instead of M1's prediction. Beside it, what the nearly perfect M1 did later.",
      body: tableHtml(
        [{ title: "M2" }, { title: "If M1 became right" }, { title: "When M1 became nearly perfect" }],
        forecasts,
      ),
    },
  ];
}

const columnOf = (role: UpstreamRole) => `M1 ${role}`;

function outlinedPair(results: DemoResults): Pick<HeatMap, "outlined"> {
  const { current } = results.matrix;
  const row = results.rows.find(({ snapshot }) => snapshot === `m2@${current?.downstreamSerial}`);
  const role = upstreamRoles.find((one) => serialOf(one, results) === current?.upstreamSerial);
  return row === undefined || role === undefined
    ? {}
    : { outlined: { row: labelOf(row, results), column: columnOf(role) } };
}

function serialOf(role: UpstreamRole, { runs }: DemoResults): number | null | undefined {
  return runs.find((one) => one.role === role)?.run.snapshot;
}

function differenceTable(results: DemoResults): Html {
  const { matrix, rows } = results;
  const inUse = matrix.cells.find((cell) => isInUse(matrix, cell));
  const cellOf = (snapshot: string, role: UpstreamRole): Html | string => {
    const cell = matrix.cells.find(
      ({ upstreamSerial, downstreamSerial }) =>
        upstreamSerial === serialOf(role, results) && snapshot === `m2@${downstreamSerial}`,
    );
    if (cell !== undefined && cell === inUse) return "in use";
    return cell?.comparison === undefined || inUse === undefined
      ? "-"
      : differenceText({ ...cell.comparison, currentLoss: inUse.loss, candidateLoss: cell.loss });
  };
  return tableHtml(
    [{ title: "" }, ...upstreamRoles.map((role) => ({ title: columnOf(role) }))],
    rows.map((row) => [
      html`<strong>${labelOf(row, results)}</strong>`,
      ...upstreamRoles.map((role) => cellOf(row.snapshot, role)),
    ]),
  );
}

function changeBars(results: DemoResults): Bar[] {
  const scale = 100 / results.oracleLoss;
  return (["incremental", "consistent"] as const).flatMap((update) =>
    results.rows.flatMap((row): Bar[] => {
      const comparison = row.updates.find((one) => one.update === update)?.comparison;
      if (comparison === undefined || comparison === null) return [];
      const { difference, interval } = comparison;
      return [
        {
          group: update,
          series: labelOf(row, results),
          value: difference * scale,
          low: interval[0] * scale,
          high: interval[1] * scale,
        },
      ];
    }),
  );
}

function verdictTable(results: DemoResults): Html {
  const columns = [
    { title: "Snapshot" },
    { title: "With" },
    { title: "Verdict" },
    { title: "Own loss" },
    { title: "Pipeline" },
    { title: "Output" },
  ];
  const rows = results.verdicts.flatMap((verdict) => [
    row(verdict, verdict.comparison, snapshotName(verdict)),
    ...verdict.alternatives.map((alternative) => row(verdict, alternative, "")),
  ]);
  const refused = results.quarantines.map((quarantine) => [
    snapshotName(quarantine),
    "",
    badge("quarantined"),
    "",
    `${quarantine.reason}: ${quarantine.detail}`,
    "",
  ]);
  return tableHtml(columns, [...rows, ...refused]);
}

function row(verdict: Verdict, comparison: PairedComparison | null, name: string): (Html | string)[] {
  const output = name === "" ? "" : outputText(verdict);
  if (comparison === null)
    return [html`<strong>${name}</strong>`, "", badge(verdict.kind), "", reasonText(verdict), output];
  const own = name === "" ? "" : (componentText(verdict)?.replace(`${verdict.component} `, "") ?? "-");
  return [
    html`<strong>${name}</strong>`,
    othersText(comparison.candidate, verdict.component),
    badge(comparison.kind),
    own,
    comparisonText(comparison).replace("pipeline ", ""),
    output,
  ];
}

function outputText({ interfaceShift }: Verdict): string {
  if (interfaceShift === undefined) return "";
  const adapter = adapterText(interfaceShift);
  return adapter === undefined ? shiftText(interfaceShift) : `${shiftText(interfaceShift)}; ${adapter}`;
}

function reasonText({ reason }: Verdict): string {
  return reason === "no-current-snapshot" ? "first snapshot of its component" : (reason?.replaceAll("-", " ") ?? "");
}

function lineageNodes(results: DemoResults): LineageNode[] {
  const quarantined = new Set(results.quarantines.map(snapshotName));
  const verdicts = new Map(results.verdicts.map((verdict) => [snapshotName(verdict), verdict.kind]));
  const ordered = [...results.snapshots].sort((a, b) => a.publishedAt.localeCompare(b.publishedAt));
  return ordered.map((manifest) => {
    const name = snapshotName(manifest);
    const outcome = quarantined.has(name) ? ("quarantined" as const) : verdicts.get(name);
    const { component, serial, parent, provenance } = manifest;
    const { model = "", protocol, upstream = {} } = provenance;
    return {
      component,
      serial,
      parent,
      upstream,
      caption: [model.split(" ")[0], protocol?.name].filter((part) => part !== undefined && part !== "").join(", "),
      ...(outcome !== undefined && { outcome }),
      aliases: serial === 1 ? [CHAMPION] : [],
    };
  });
}
