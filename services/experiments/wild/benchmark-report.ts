import { figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { type Html, html } from "../../report/html.ts";
import { type IntervalPoint, intervalPlot } from "../../report/interval-plot.ts";
import { formatPercent } from "../../report/numbers.ts";
import type { BenchmarkResults, EdgeResult, MethodResult } from "./benchmark-results.ts";
import { estimateText, rateText } from "./estimate-text.ts";
import type { Estimate } from "./estimates.ts";
import { gapForecasts } from "./gap-forecasts.ts";

/**
 * The methods that the pictures compare, of those that ran; the first three if none of these did. The one that trains again
 * comes last, so that the others have the same colors in the picture without it.
 */
const PICTURED = ["async", "proximal", "causal:pooled", "sync"];

/** Renders the results as a self-contained HTML page. */
export async function benchmarkReport(results: BenchmarkResults, footer: string): Promise<string> {
  return reportDocument({
    title: "Self-defeating improvements in the wild",
    summary: summaryText(results),
    sections: [
      await improvementsSection(results),
      await gapSection(results),
      forecastsSection(results),
      methodsSection(results),
      ...results.pipelines.map((pipeline) => pipelineSection(pipeline, results)),
      assumptionsSection(results),
    ],
    footer,
  });
}

/** The finding in two or three sentences. */
export function summaryText({ pipelines, methods, edges, seeds }: BenchmarkResults): string {
  const shown = pictured(methods);
  const shares = methods
    .filter(({ method, harm }) => shown.includes(method) && harm.trials > 0)
    .map(({ method, harm }) => `${Math.round(100 * harm.value)} % with ${method}`);
  return [
    `${count(pipelines.length, "pipeline")} from public tables, ${count(seeds.length, "division")} of each into training and held-out rows.`,
    `Upstream updates that improved their own component but made the pipeline more than 1 % worse: ${shares.join(", ")}.`,
    ...worstText(edges.filter(({ method }) => shown.includes(method))),
  ].join(" ");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** One sentence about the component whose improvement degraded a pipeline most, and what it did under the other methods. */
function worstText(edges: readonly EdgeResult[]): string[] {
  const changeOf = ({ improvements }: EdgeResult) => improvements.richer.change?.value ?? Number.NEGATIVE_INFINITY;
  const [worst] = [...edges].sort((a, b) => changeOf(b) - changeOf(a));
  if (worst === undefined || changeOf(worst) <= 0) return [];
  const { pipeline, component, improvements } = worst;
  const changes = edges
    .filter((edge) => edge.pipeline === pipeline && edge.component === component)
    .map((edge) => `${formatPercent(100 * changeOf(edge))} with ${edge.method}`);
  const own = formatPercent(100 * (improvements.richer.own?.value ?? Number.NaN));
  return [
    `The largest effect is in ${pipeline}: when the loss of ${component} changed by ${own}, that of the pipeline changed by ${changes.join(", ")}.`,
  ];
}

async function improvementsSection({ edges, methods }: BenchmarkResults): Promise<ReportSection> {
  const shown = edgesOf(edges, methods).flatMap((edge) => point(edge, edge.improvements.richer.change));
  return {
    heading: "A linear upstream component becomes a network, and better",
    text: "Each row is an upstream component of a pipeline. A point is the pipeline's loss after the update, relative to before, over the seeds in which the update improved the component's own loss on held-out rows; lines are 95 % intervals over seeds. In the red area the better component made the pipeline worse: a self-defeating improvement.",
    body: figure(
      await intervalPlot({
        label: "Pipeline loss after an upstream improvement, relative to before, by component and method",
        xTitle: "pipeline loss after the improvement, relative to before",
        points: shown,
      }),
    ),
  };
}

async function gapSection({ edges, methods }: BenchmarkResults): Promise<ReportSection> {
  const repaired = methods.filter(({ retrains }) => retrains).map(({ method }) => method);
  const shown = edgesOf(edges, methods)
    .filter(({ method }) => !repaired.includes(method))
    .flatMap((edge) => point(edge, edge.gap.simple));
  return {
    heading: "The consistency gap: what if the upstream component became right?",
    text: "The pipeline's loss with the true values in place of the linear component's predictions, nothing trained again, relative to the loss with its predictions. To the left of the line the pipeline is ready for a perfect upstream component; in the red area that component would degrade it. Methods that train again after an update are left out.",
    body: figure(
      await intervalPlot({
        label: "Pipeline loss with the true upstream values, relative to now, by component and method",
        xTitle: "pipeline loss with the true values, relative to now",
        points: shown,
      }),
    ),
  };
}

function forecastsSection(results: BenchmarkResults): ReportSection {
  const percent = (share: number) => `${100 * share} %`;
  return {
    heading: "The gap as a forecast",
    text: "How often the sign of the consistency gap before an update was that of the update's effect, of the updates that improved their component and changed the pipeline's loss by more than 1 %, under all methods that do not train again, with Wilson intervals of the effective number of trials. The gap is about a component that becomes right: the more of its loss an update removes, the better the forecast.",
    body: tableHtml(
      [{ title: "The update removed, of the component's own loss" }, { title: "Sign right", number: true }],
      gapForecasts(results).map(({ removed: { least, most }, right }) => [
        least === 0 ? `less than ${percent(most)}` : `${percent(least)} to ${percent(most)}`,
        rateText(right),
      ]),
    ),
  };
}

/** The results of the methods in the pictures, component by component. */
function edgesOf(edges: readonly EdgeResult[], methods: readonly MethodResult[]): readonly EdgeResult[] {
  const shown = pictured(methods);
  const keyOf = ({ pipeline, component }: EdgeResult) => `${pipeline}: ${component}`;
  return [...new Set(edges.map(keyOf))].flatMap((key) =>
    shown.flatMap((name) => edges.filter((edge) => keyOf(edge) === key && edge.method === name)),
  );
}

function pictured(methods: readonly MethodResult[]): readonly string[] {
  const ran = methods.map(({ method }) => method);
  const chosen = PICTURED.filter((name) => ran.includes(name));
  return chosen.length > 0 ? chosen : ran.slice(0, 3);
}

function point({ pipeline, component, method }: EdgeResult, estimate: Estimate | null): IntervalPoint[] {
  if (estimate === null) return [];
  const { value, low, high } = estimate;
  return [
    {
      group: `${pipeline}: ${component}`,
      series: method,
      factor: 1 + value,
      ...(low !== null && high !== null && { low: 1 + low, high: 1 + high }),
    },
  ];
}

function methodsSection({ methods }: BenchmarkResults): ReportSection {
  const numbers = ["Harmed", "By", "Gap", "Today", "Audited"].map((title) => ({ title, number: true }));
  return {
    heading: "Methods, over all pipelines",
    text: "Harmed: upstream updates that improved their own component but raised the pipeline's loss by more than 1 %, with Wilson intervals of the effective number of trials. By: the mean rise among those. Gap: the mean change with the true values, nothing trained again. Today: the loss before any update, relative to async. Audited: annotated training rows that the method needs, on average. Changes are geometric means with 95 % intervals over seeds.",
    body: tableHtml(
      [{ title: "Method" }, ...numbers],
      methods.map((row) => [
        row.method,
        rateText(row.harm),
        estimateText(row.size),
        estimateText(row.gap),
        estimateText(row.today),
        `${Math.round(row.auditedRows)}`,
      ]),
    ),
  };
}

function pipelineSection(
  { name, summary, audited }: BenchmarkResults["pipelines"][number],
  { conditions, edges, inapplicable }: BenchmarkResults,
): ReportSection {
  const own = edges.filter(({ pipeline }) => pipeline === name);
  const components = [...new Set(own.map(({ component }) => component))];
  const facts = conditions.filter(({ pipeline }) => pipeline === name).map(conditionText);
  const missing = inapplicable.filter(({ pipeline }) => pipeline === name);
  return {
    heading: name,
    text: `${summary[0]?.toUpperCase()}${summary.slice(1)}. ${audited} audited rows for the methods that use them. ${facts.join(" ")}`,
    body: html`${components.map((component) =>
      edgeTable(
        component,
        own.filter((edge) => edge.component === component),
      ),
    )}${missing.map(({ method, reason }) => html`<p class="note">${method} does not apply: ${reason}.</p>`)}`,
  };
}

/** The gap, and the change of the pipeline's loss after updates that improved the component, with how many did. */
function edgeTable(component: string, edges: readonly EdgeResult[]): Html {
  const numbers = ["Gap, linear", "Gap, network", "Linear to network", "Network to linear"];
  return tableHtml(
    [{ title: `Below ${component}` }, ...numbers.map((title) => ({ title, number: true }))],
    edges.map((edge) => [
      edge.method,
      estimateText(edge.gap.simple),
      estimateText(edge.gap.rich),
      improvementText(edge, "richer"),
      improvementText(edge, "simpler"),
    ]),
  );
}

function conditionText({ component, covered, unexplained }: BenchmarkResults["conditions"][number]): string {
  const percent = (share: number) => `${(100 * share).toFixed(share > 0.99 && share < 1 ? 1 : 0)} %`;
  return `The linear ${component} leaves ${percent(unexplained.simple)} of the variance of the true values unexplained, and ${percent(covered.simple)} of them lie within the range of its predictions; for the network it is ${percent(unexplained.rich)} and ${percent(covered.rich)}.`;
}

function improvementText({ improvements }: EdgeResult, update: "richer" | "simpler"): string {
  const { updates, improved, change } = improvements[update];
  return improved === 0 ? `0 of ${updates}` : `${estimateText(change)}, ${improved} of ${updates}`;
}

function assumptionsSection({ methods }: BenchmarkResults): ReportSection {
  const items: Html[] = [
    html`The tables of a pipeline have the gap by the upstream model that the pipeline was trained on, and the change of its loss after updates in both directions that improved the component on held-out rows, with how many of the updates did.`,
    html`Intervals are over divisions of the same table and over trainings. They say nothing about other tables.`,
    html`Audited rows are drawn at random from the training rows. That holds here by construction.`,
    html`Overlap: causal methods assume that the predictions cover the values that a better component predicts. Measured above for each pipeline by the share of true values within the range of the predictions, one column at a time, and not enforced.`,
    html`Noise: calibration assumes that the true value is determined by the columns that the upstream component reads. What the network leaves unexplained, above, is an upper bound of that noise. It is far from 0 in most tables; which source is unbiased there is not tested here.`,
    html`All components use the same optimizer, and the same steps under every method; nothing is tuned on held-out rows.`,
  ];
  return {
    heading: "How to read this",
    body: html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul><p class="note">${methods.length} methods; a higher loss is worse everywhere. Losses: mean squared error, or cross-entropy where the last component predicts a class.</p>`,
  };
}
