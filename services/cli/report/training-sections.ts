import type { LossCurve, RunReport } from "../../pipeline/run-report.ts";
import { figure, type ReportSection } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { lineChart } from "../../report/line-chart.ts";
import { formatNumber } from "../../report/numbers.ts";

/** How the training went: its loss and its learning rate over the steps. */
export async function trainingSections({ curve, run }: RunReport): Promise<ReportSection[]> {
  const notes = run.warnings.map((warning) => html`<p>Warning: ${warning}</p>`);
  const failure = run.error === null ? [] : [html`<p class="refused">Failed: ${run.error.message}</p>`];
  const plots = curve === null || curve.points.length < 2 ? [html`<p>${noCurve(run.state)}</p>`] : await plotsOf(curve);
  return [
    {
      heading: "Training",
      ...(curve !== null && curve.points.length > 1 && { text: curveText(curve) }),
      body: html`${failure}${notes}${plots}`,
    },
  ];
}

function noCurve(state: RunReport["run"]["state"]): string {
  return state === "queued" || state === "waiting"
    ? "The training has not begun."
    : "There is no loss curve yet: a training has one from its first checkpoint on, and those of earlier versions have none.";
}

function curveText({ every, window, points }: LossCurve): string {
  const [first, last] = [points[0], points.at(-1)];
  const of = window === 1 ? "the loss of a step" : `the mean loss of ${window} steps`;
  const spacing = every === window ? "" : `, every ${every} steps`;
  return `Each point is ${of}${spacing}, on standardized outputs: from ${formatNumber(first?.loss)} to ${formatNumber(last?.loss)} in ${last?.step ?? 0} steps. Losses of different protocols have different targets and cannot be compared.`;
}

/** Losses that differ by less than this factor are easier to read on a linear axis. */
const DECADES = 5;

async function plotsOf({ points }: LossCurve) {
  const losses = points.map(({ loss }) => loss);
  const logY = Math.max(...losses) > DECADES * Math.min(...losses);
  return [
    figure(
      await lineChart({
        label: "Training loss over steps",
        xTitle: "step",
        yTitle: "training loss",
        logY,
        series: [{ name: "training loss", points: points.map(({ step, loss }) => ({ x: step, y: loss })) }],
      }),
    ),
    figure(
      await lineChart({
        label: "Learning rate over steps",
        xTitle: "step",
        yTitle: "learning rate",
        series: [{ name: "learning rate", points: points.map((point) => ({ x: point.step, y: point.learningRate })) }],
      }),
    ),
  ];
}
