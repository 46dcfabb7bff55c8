import { CHAMPION } from "../../composition/in-use.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { PairedComparison, Verdict } from "../../pipeline/verdict.ts";
import { type Bar, barChart } from "../../report/bar-chart.ts";
import { badge, figure, reportDocument, tableHtml } from "../../report/document.ts";
import { heatMap } from "../../report/heat-map.ts";
import { type Html, html } from "../../report/html.ts";
import { lineChart } from "../../report/line-chart.ts";
import { type LineageNode, lineage } from "../../report/lineage.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { comparisonText, componentText, othersText } from "../text/verdict-text.ts";
import { conclusions, labelOf } from "./demo-text.ts";
import { type DemoResults, upstreamRoles } from "./results.ts";

/** The demo's results as one HTML document. */
export async function demoReport(results: DemoResults): Promise<string> {
  const { oracleLoss, rows, seed, seconds, snapshots } = results;
  const columns = upstreamRoles.map((role) => `M1 ${role}`);
  return reportDocument({
    title: "What each update did to the whole pipeline",
    summary: conclusions(results).join(" "),
    sections: [
      {
        heading: "End-to-end loss of every pair of snapshots",
        text: `Held-out mean squared error of M2 on M1's predictions, relative to that of the true M2 on the first M1's (${formatNumber(oracleLoss)}), which is 100. Lower is better. Each row is an M2 that was trained on the first M1 (left column); a column further right is what the same M2 does with a better M1.`,
        body: figure(
          await heatMap({
            label: "End-to-end loss by M2 and M1",
            rowTitle: "",
            columnTitle: "",
            rows: rows.map((row) => labelOf(row, results)),
            columns,
            values: rows.map(({ normalized }) => upstreamRoles.map((role) => normalized[role])),
          }),
        ),
      },
      {
        heading: "What M1's updates changed",
        text: "Change of the end-to-end loss when M1 is updated under each M2, in the same units; the thin lines are 95 % intervals of the paired difference over held-out rows. Below 0 the pipeline improved.",
        body: figure(
          await barChart({
            label: "Change of the end-to-end loss by update and protocol",
            groupTitle: "update of M1",
            yTitle: "change of the end-to-end loss",
            bars: changeBars(results),
          }),
        ),
      },
      {
        heading: "Verdicts",
        text: "As the evaluator published them, in order: every new snapshot with the others as they were in use, against what was in use. For an update of M1 also beside the other snapshots of M2.",
        body: verdictTable(results),
      },
      {
        heading: "Loss while training",
        text: "Mean loss on standardized outputs over each chunk of steps. The proximal and causal losses are against other targets than the async one, so their values are not comparable; that they fall is.",
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
        heading: "Lineage of the snapshots",
        text: "Solid arrows lead from a snapshot to those that were trained on its predictions, dashed ones to the next of the same component. Colors are verdicts, against what was in use then.",
        body: figure(lineage(["m1", "m2"], lineageNodes(results))),
      },
    ],
    footer: `Pipeline ${results.pipeline}, data seed ${seed}, ${snapshots[0]?.data.rows ?? 0} training rows, ${results.verdicts[0]?.rows ?? 0} held out, engine ${snapshots[0]?.engine ?? "unknown"}, backplane ${results.backplane}, ${formatSeconds(seconds)}, Uncouple ${results.codeVersion}. After Modi et al. 2023, section 4. The same seed gives the same numbers on the same engine; results.json beside this file has them all.`,
  });
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
  ]);
  return tableHtml(columns, [...rows, ...refused]);
}

function row(verdict: Verdict, comparison: PairedComparison | null, name: string): (Html | string)[] {
  if (comparison === null) return [html`<strong>${name}</strong>`, "", badge(verdict.kind), "", reasonText(verdict)];
  const own = name === "" ? "" : (componentText(verdict)?.replace(`${verdict.component} `, "") ?? "-");
  return [
    html`<strong>${name}</strong>`,
    othersText(comparison.candidate, verdict.component),
    badge(comparison.kind),
    own,
    comparisonText(comparison).replace("pipeline ", ""),
  ];
}

function reasonText({ reason }: Verdict): string {
  return reason === "no-current-snapshot" ? "the first of its component" : (reason?.replaceAll("-", " ") ?? "");
}

function lineageNodes(results: DemoResults): LineageNode[] {
  const quarantined = new Set(results.quarantines.map(snapshotName));
  const verdicts = new Map(results.verdicts.map((verdict) => [snapshotName(verdict), verdict.kind]));
  const ordered = [...results.snapshots].sort((a, b) => a.finishedAt.localeCompare(b.finishedAt));
  return ordered.map((manifest) => {
    const name = snapshotName(manifest);
    const outcome = quarantined.has(name) ? ("quarantined" as const) : verdicts.get(name);
    const { component, serial, parent, upstream } = manifest;
    return {
      component,
      serial,
      parent,
      upstream,
      caption: `${manifest.model.split(" ")[0]}, ${formatProtocol({ name: manifest.protocol.name, parameters: {} })}`,
      ...(outcome !== undefined && { outcome }),
      aliases: serial === 1 ? [CHAMPION] : [],
    };
  });
}
