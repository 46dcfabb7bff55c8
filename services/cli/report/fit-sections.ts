import type { FitSummary, OutputFit, SliceLoss } from "../../pipeline/run-report.ts";
import { calibrationPlot } from "../../report/calibration-plot.ts";
import { figure, type ReportSection, tableHtml } from "../../report/document.ts";
import { dotPlot } from "../../report/dot-plot.ts";
import { histogram } from "../../report/histogram.ts";
import { html } from "../../report/html.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";

/** Of the normal distribution, for intervals of a slice's mean loss. */
const Z95 = 1.96;
/** Slices in the plot; the JSON has all. */
const MOST_SLICES = 40;

/**
 * How the model does on a sample of the training rows.
 * @param isPart whether it was trained on a part of them
 */
export async function fitSections(fit: FitSummary, isPart: boolean): Promise<ReportSection[]> {
  const sample = `On ${fit.rows.toLocaleString("en-US")} training rows, those with the smallest hashes.`;
  const on = isPart
    ? `${sample} The model was trained on those of them that the team's sample has, which flatters it there.`
    : `${sample} The model was trained on them, which flatters it.`;
  const { outputs } = fit;
  const isReal = outputs.some(({ residuals }) => residuals !== undefined);
  // The probabilities of two classes mirror each other.
  const shown = !isReal && outputs.length === 2 ? outputs.slice(1) : outputs;
  return [
    ...(outputs.length === 0 ? [] : [isReal ? await residualSection(shown, on) : await reliabilitySection(shown, on)]),
    ...(fit.slices.length === 0 ? [] : [await sliceSection(fit, sample)]),
    {
      heading: "Worst rows",
      text: `${sample} Rows are named by the salted hash of their key, as in verdicts, or by their place in the sample if they have no key.`,
      body: tableHtml(
        [{ title: "Row" }, { title: "Loss", number: true }, { title: "Predicted" }, { title: "Actual" }],
        fit.worst.map(({ row, loss, predicted, actual }) => [row, formatNumber(loss), predicted, actual]),
      ),
    },
  ];
}

const pointsOf = (outputs: readonly OutputFit[]) =>
  outputs.flatMap(({ name, groups }) => groups.map(({ predicted, actual }) => ({ series: name, predicted, actual })));

async function residualSection(outputs: readonly OutputFit[], on: string): Promise<ReportSection> {
  const plots = outputs.map(async ({ name, residuals }) =>
    residuals === undefined
      ? html``
      : figure(
          await histogram({
            label: `Residuals of ${name}`,
            xTitle: `${name}: prediction minus target`,
            edges: residuals.edges,
            shares: residuals.shares,
          }),
        ),
  );
  const calibration = await calibrationPlot({
    label: "Means of targets by predictions",
    xTitle: "mean prediction",
    yTitle: "mean target",
    points: pointsOf(outputs),
  });
  return {
    heading: "Residuals",
    text: `${on} The histograms have a 200th of the rows beyond each end in their first and last bin. Below, each point is a tenth of the rows with similar predictions; on the dashed line, predictions are right on average.`,
    body: html`${residualTable(outputs)}${await Promise.all(plots)}${figure(calibration)}`,
  };
}

function residualTable(outputs: readonly OutputFit[]) {
  const number = (title: string) => ({ title, number: true });
  return tableHtml(
    [
      { title: "Output" },
      ...["Mean", "Standard deviation", "1 %", "5 %", "25 %", "50 %", "75 %", "95 %", "99 %"].map(number),
    ],
    outputs.flatMap(({ name, residuals }) =>
      residuals === undefined
        ? []
        : [[name, ...[residuals.mean, residuals.standardDeviation, ...residuals.quantiles].map(formatNumber)]],
    ),
  );
}

async function reliabilitySection(outputs: readonly OutputFit[], on: string): Promise<ReportSection> {
  const plot = await calibrationPlot({
    label: "Reliability diagram",
    xTitle: "predicted probability",
    yTitle: "actual frequency",
    points: pointsOf(outputs),
  });
  return {
    heading: "Calibration",
    text: `${on} Each point is a tenth of the rows with similar predicted probabilities of a class. On the dashed line, classes are as frequent as predicted. The expected calibration error is the mean distance from it, in percentage points.`,
    body: html`${figure(plot)}${tableHtml(
      [{ title: "Class" }, { title: "Expected calibration error", number: true }],
      outputs.map(({ name, calibrationError }) => [name, formatPercent(100 * calibrationError, false)]),
    )}`,
  };
}

async function sliceSection({ slices, loss }: FitSummary, on: string): Promise<ReportSection> {
  const shown = slices.slice(0, MOST_SLICES);
  const plot = await dotPlot({
    label: "Loss by slice",
    xTitle: "mean loss",
    reference: loss,
    dots: shown.map((slice) => ({
      name: sliceName(slice),
      value: slice.loss,
      low: slice.loss - Z95 * slice.standardError,
      high: slice.loss + Z95 * slice.standardError,
    })),
  });
  const left = slices.length - shown.length;
  const more = left === 0 ? "" : ` ${left} more slices are in the JSON.`;
  return {
    heading: "Loss by slice",
    text: `${on} Values of text columns and fifths of numeric ones, of at least 30 rows. The dashed line is the mean over all rows, ${formatNumber(loss)}; bars are 95 % intervals of each mean by itself, not corrected for their number.${more}`,
    body: figure(plot),
  };
}

function sliceName({ column, value, rows }: SliceLoss): string {
  return `${column}: ${value} (${rows})`;
}
