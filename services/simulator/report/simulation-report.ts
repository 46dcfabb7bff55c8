import { bandChart } from "../../report/band-chart.ts";
import { figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { LOWEST_LOSS } from "../measures/measure-run.ts";
import type { SimulationResults } from "../measures/simulation-results.ts";
import { scenarioText } from "../scenario/scenario-text.ts";
import { livesOf, type Stage, stagesOf } from "../scenario/stages.ts";
import { edgeGaps } from "./edge-gaps.ts";
import { eventTimeline, policyStyle, shownTeams, TIMELINE_STYLE } from "./event-timeline.ts";
import { costsTable, leagueTable, ranked, withInterval } from "./league-table.ts";
import { GRAPH_STYLE, organizationGraph, signed } from "./organization-graph.ts";
import { sensitivitySection } from "./sensitivity-section.ts";
import type { SimulationOutcome } from "./simulation-outcome.ts";

/** Renders the outcome as a self-contained HTML page. @param versions of what ran it, one sentence */
export async function simulationReport(outcome: SimulationOutcome, versions: string): Promise<string> {
  const { results, sensitivity } = outcome;
  return reportDocument({
    title: `${results.scenario.name}: update policies compared`,
    summary: summaryText(results),
    sections: [
      await lossSection(results),
      leagueSection(results),
      costsSection(results),
      ...gapSection(outcome),
      timelineSection(outcome),
      ...(sensitivity === undefined ? [] : [await sensitivitySection(results, sensitivity)]),
      repeatSection(results),
    ],
    footer: versions,
    style: `td:nth-child(-n+2){white-space:nowrap}pre{background:var(--soft);padding:12px;overflow-x:auto;font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:26rem}table{font-size:13.5px}th,td{padding-right:10px}@media print{pre{max-height:none}table{font-size:7.5pt}th,td{padding:3px 6px 3px 0}th{white-space:normal}}${GRAPH_STYLE}${TIMELINE_STYLE}${policyStyle(results.policies.length)}`,
  });
}

/** The finding in two or three sentences. */
export function summaryText(results: SimulationResults): string {
  const { scenario, seeds, ticks, comparisons } = results;
  const [best, ...others] = ranked(results.policies);
  if (best === undefined) return "No policy was simulated.";
  const size = `${scenario.teams.length} teams over ${ticks} ticks, ${seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`}.`;
  const lowest = `${best.name} has the lowest mean loss, ${withInterval(best, "meanLoss")}, where 100 is the loss of the initial models and 0 the irreducible loss.`;
  const last = others.at(-1);
  if (last === undefined) return `${size} ${lowest}`;
  const beaten = comparisons.filter(
    ({ a, b, measure, low, high }) =>
      measure === "meanLoss" &&
      [a, b].includes(best.name) &&
      low !== null &&
      high !== null &&
      (a === best.name ? high < 0 : low > 0),
  ).length;
  const certain =
    seeds.length === 1
      ? "One seed says nothing about how certain that is."
      : `At 95 %, it is better than ${beaten} of ${others.length} other${others.length === 1 ? "" : "s"}.`;
  return `${size} ${lowest} ${last.name} has the highest, ${withInterval(last, "meanLoss")}. ${certain}`;
}

async function lossSection({ policies, seeds, ticks }: SimulationResults): Promise<ReportSection> {
  return {
    heading: "Pipeline loss over time",
    text: `Loss of what is in use at each tick, on a logarithmic scale: 100 is that of the initial models, 0 the irreducible loss. ${seeds.length === 1 ? "One seed, so there are no intervals." : `Lines are means over ${seeds.length} seeds, bands their 95 % intervals, cut at the ends of the axis.`}`,
    body: figure(
      await bandChart({
        label: `Pipeline loss over ${ticks} ticks by policy`,
        xTitle: "tick",
        yTitle: "pipeline loss",
        floor: LOWEST_LOSS,
        points: policies.flatMap(({ name, loss }) =>
          loss.series.map(([x, y, low, high]) => ({
            series: name,
            x,
            y,
            ...(low !== null && high !== null && { low, high }),
          })),
        ),
      }),
    ),
  };
}

function leagueSection(results: SimulationResults): ReportSection {
  return {
    heading: "League table",
    text: "By mean loss, with 95 % intervals over seeds. Against the best: the paired difference in mean loss to the first row; above 0, the policy is worse. Geometric: the geometric mean over time, in which halving the loss counts the same wherever it is. Regret: excess over the lowest loss of any policy, summed over ticks. To best: ticks until the loss is within 5 of it. Spike: the largest rise of the loss, and the ticks until nine tenths of it are undone.",
    body: leagueTable(results),
  };
}

function costsSection(results: SimulationResults): ReportSection {
  return {
    heading: "What the policies cost the teams",
    text: "Means over seeds. Deployed: snapshots that came into use; harmful ones degraded the pipeline, self-defeating ones although their own loss improved. Refused: rejected or held; good ones improved their own loss. Deadlocked: teams that kept training in the last quarter and got nothing into use. Forced: trainings that no team asked for. Steps: training steps in thousands. Waiting: ticks of a wish to train that are neither training nor deployment. Staleness: ticks since what a snapshot was trained on was replaced.",
    body: costsTable(results),
  };
}

/** Nothing if no gap could be measured. */
function gapSection({ results, runs }: SimulationOutcome): readonly ReportSection[] {
  const { scenario, policies } = results;
  const drawings = policies.map(({ name }) => ({ name, gaps: edgeGaps(runs, name) }));
  const widest = Math.max(0, ...drawings.flatMap(({ gaps }) => gaps.map(({ gap }) => Math.abs(gap))));
  if (widest === 0) return [];
  const stages = stagesOf(scenario);
  const before = stages.slice(0, -1).map(({ teams }, at) => ({ teams, until: (stages[at + 1] as Stage).from }));
  const { teams } = stages.at(-1) as Stage;
  const worst = drawings.flatMap(({ name, gaps }) => {
    const [largest] = gaps.toSorted((a, b) => b.gap - a.gap);
    return largest === undefined ? [] : [[name, `${largest.upstream} to ${largest.downstream}`, signed(largest.gap)]];
  });
  return [
    {
      heading: "The organization, and the consistency gap of its edges",
      text: `Teams from left to right, drawn once for each policy, with what is in use at the end${before.length === 0 ? "" : ", and as they were before each split"}. The gap of an edge is what true upstream outputs in place of predictions would change the pipeline loss by, without the noise of targets and nothing trained again; means over seeds. Red, above 0: the pipeline has learned to live with the upstream team's errors, and a perfect upstream team would degrade it. Green, below 0: it is ready for a better one. Edges are as thick as their gaps are large. The table has the highest gap of each policy.`,
      body: html`<div class="organizations">${before.map(
        (stage) =>
          html`<figure><figcaption>until tick ${stage.until}</figcaption>${organizationGraph(`Teams until tick ${stage.until}`, stage.teams, [], widest)}</figure>`,
      )}${drawings.map(
        ({ name, gaps }) =>
          html`<figure><figcaption>${name}</figcaption>${organizationGraph(`Teams and gaps of edges under ${name}`, teams, gaps, widest)}</figure>`,
      )}</div>${tableHtml([{ title: "Policy" }, { title: "Edge" }, { title: "Highest gap", number: true }], worst)}`,
    },
  ];
}

function timelineSection({ results, runs }: SimulationOutcome): ReportSection {
  const { scenario, ticks, seeds, policies, events } = results;
  const seed = seeds[0] as number;
  const lives = livesOf(stagesOf(scenario));
  const shown = shownTeams(lives.length);
  const which = shown < lives.length ? ` The ${shown} of ${lives.length} teams with the most events.` : "";
  return {
    heading: "What happened when",
    text: `Seed ${seed}.${which} The same under every policy: wishes to train (thin lines), outages (gray), larger and smaller models (▲, ▼), bad releases (✖) and teams that are split in two (◆; a team does not exist where its row is dotted). Of the chosen policy: deployed snapshots (disks, green if they improved the pipeline, red if they degraded it), rejected (red rings), held (gray rings) and superseded ones (thin rings). Choose a zoom and scroll; marks have tooltips.`,
    body: eventTimeline({
      lives,
      ticks,
      events: events.filter((event) => event.seed === seed),
      runs: policies.flatMap(({ name }) => runs.filter((run) => run.policy === name && run.seed === seed)),
    }),
  };
}

function repeatSection({ scenario }: SimulationResults): ReportSection {
  return {
    heading: "Repeat it exactly",
    text: "Save this as scenario.yaml and run uncouple simulate scenario.yaml with the version below: the results are the same, bit for bit, whatever the number of jobs and the machine.",
    body: html`<pre>${scenarioText(scenario)}</pre>`,
  };
}
