import { figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { lineChart } from "../../report/line-chart.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { scenarioText } from "../scenario/scenario-text.ts";
import type { Percentiles } from "./live-figures.ts";
import type { LiveResults } from "./live-results.ts";
import { liveSummary, memoryByKind, secondsText } from "./live-text.ts";

/** Renders the results as a self-contained HTML page. @param versions of what ran it, one sentence */
export async function liveReport(results: LiveResults, scenario: Scenario, versions: string): Promise<string> {
  return reportDocument({
    title: `${results.scenario}: live simulation`,
    summary: liveSummary(results),
    sections: [
      soundSection(results),
      await throughputSection(results),
      await latencySection(results),
      await memorySection(results),
      runsSection(results),
      {
        heading: "Repeat it",
        text: `Save this as scenario.yaml and run uncouple simulate scenario.yaml --live --tick ${results.tickSeconds}s. The wishes are the same; when they are met depends on the machine.`,
        body: html`<pre>${scenarioText(scenario)}</pre>`,
      },
    ],
    footer: `Ready at ${results.readyAt}. ${versions}`,
    style:
      "pre{background:var(--soft);padding:12px;overflow-x:auto;font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:26rem}@media print{pre{max-height:none}}",
  });
}

function soundSection({ findings, drained, snapshots, verdicts, quarantines, kinds }: LiveResults): ReportSection {
  const counts = Object.entries(kinds)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
  return {
    heading: "Lost, doubled or stray",
    text: `Every successful run has announced exactly one snapshot, serials have no gaps, and every snapshot has one verdict or a quarantine: compared message by message in the streams${drained ? " after everything was judged" : ", although services did not finish"}. ${snapshots} announcements, ${verdicts} verdicts (${counts}), ${quarantines} quarantines.`,
    body:
      findings.length === 0
        ? html`<p>Nothing.</p>`
        : tableHtml(
            [{ title: "What" }, { title: "Kind" }, { title: "Of" }],
            findings.map(({ kind, what, of }) => [what, kind, of]),
          ),
  };
}

async function throughputSection({ throughput, interval }: LiveResults): Promise<ReportSection> {
  const minutes = (pick: (part: LiveResults["throughput"][number]) => number) =>
    throughput.map((part) => ({ x: part.seconds / 60, y: pick(part) }));
  return {
    heading: "Throughput",
    text: `By the minute, counted over ${interval} s. The first models come first, one after another along the pipeline.`,
    body: figure(
      await lineChart({
        label: "Successful runs, snapshots and verdicts by the minute",
        xTitle: "minutes since the services were ready",
        yTitle: "by the minute",
        isStepped: true,
        series: [
          { name: "successful runs", points: minutes(({ runs }) => runs) },
          { name: "snapshots", points: minutes(({ snapshots }) => snapshots) },
          { name: "verdicts", points: minutes(({ verdicts }) => verdicts) },
        ],
      }),
    ),
  };
}

async function latencySection(results: LiveResults): Promise<ReportSection> {
  const { throughput, publishToVerdict, startToPublished, interval } = results;
  const points = (pick: "p50" | "max") =>
    throughput.flatMap(({ seconds, publishToVerdict: latency }) => {
      const y = latency[pick];
      return y === null ? [] : [{ x: seconds / 60, y }];
    });
  const row = (name: string, { count, p50, p90, p99, max }: Percentiles) => [
    name,
    `${count}`,
    ...[p50, p90, p99, max].map(secondsText),
  ];
  const chart = await lineChart({
    label: "Time from announcement to verdict",
    xTitle: "minutes since the services were ready",
    yTitle: "seconds to the verdict",
    series: [
      { name: "median", points: points("p50") },
      { name: "longest", points: points("max") },
    ],
  });
  const numbers = ["Count", "p50", "p90", "p99", "Longest"].map((title) => ({ title, number: true }));
  return {
    heading: "Latency",
    text: `By the times in announcements, verdicts and runs. Drawn: of the snapshots judged within ${interval} s.`,
    body: html`${tableHtml(
      [{ title: "" }, ...numbers],
      [row("Announcement to verdict", publishToVerdict), row("Request of a run to announcement", startToPublished)],
    )}${figure(chart)}`,
  };
}

async function memorySection({ memory, restarts }: LiveResults): Promise<ReportSection> {
  const chart = await lineChart({
    label: "Resident memory of the services",
    xTitle: "minutes since the services were ready",
    yTitle: "resident memory in MiB",
    series: memoryByKind(memory).map(({ process, samples }) => ({
      name: process,
      points: samples.map(([seconds, value]) => ({ x: seconds / 60, y: value })),
    })),
  });
  const restarted = Object.entries(restarts).map(([name, times]) => `${name} ${times} times`);
  const columns = ["First", "Last", "Peak", "Slope an hour"].map((title) => ({ title, number: true }));
  return {
    heading: "Memory",
    text: `Resident, in MiB. The hosts of a service run models from the store for it. An evaluator and its hosts keep outputs that later judgements may need, so they grow until their caches are full. The slope is that of the later half. ${restarted.length === 0 ? "No process was restarted." : `Restarted: ${restarted.join(", ")}.`}`,
    body: html`${figure(chart)}${tableHtml(
      [{ title: "Process" }, ...columns],
      memory.map(({ process, first, last, peak, slopePerHour }) => [
        process,
        ...[first, last, peak].map((value) => value.toFixed(0)),
        slopePerHour === null ? "-" : `${slopePerHour > 0 ? "+" : ""}${formatNumber(slopePerHour)}`,
      ]),
    )}`,
  };
}

function runsSection({ runs, wishes }: LiveResults): ReportSection {
  const { succeeded, failed, cancelled, unfinished, refused, causes } = runs;
  return {
    heading: "Wishes and runs",
    text: `${wishes.served} of ${wishes.due} wishes were served by a training; one serves all that a team had meanwhile.`,
    body: html`${tableHtml(
      ["Succeeded", "Failed", "Cancelled", "Unfinished", "Refused"].map((title) => ({ title, number: true })),
      [[succeeded, failed, cancelled, unfinished, refused].map(String)],
    )}${
      causes.length > 0 &&
      tableHtml(
        [{ title: "Times", number: true }, { title: "Code" }, { title: "Why a run failed or was refused" }],
        causes.map(({ times, code, message }) => [`${times}`, code, message]),
      )
    }`,
  };
}
