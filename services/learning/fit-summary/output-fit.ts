import { square } from "../../common/elementary.ts";
import { mean, quantile } from "../../common/statistics.ts";
import type { Target } from "../../data/targets/losses.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { FitGroup, OutputFit, ResidualSummary } from "../../pipeline/run-report.ts";

/** Coordinates that are summarized. */
const MOST_OUTPUTS = 8;
const GROUPS = 10;
const BINS = 24;
const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/**
 * Compares the first coordinates of an output with their targets.
 * @param predictions [rows * width] @returns none for `policy`, whose target is a reward
 */
export function outputFits(component: Component, predictions: Float32Array, target: Target): readonly OutputFit[] {
  const { loss, output } = component;
  if (loss === "policy") return [];
  return Array.from({ length: Math.min(output.width, MOST_OUTPUTS) }, (_, place) => {
    const at = (row: number) => row * output.width + place;
    const predicted = Float64Array.from({ length: target.rows }, (_, row) => predictions[at(row)] as number);
    const actual = Float64Array.from({ length: target.rows }, (_, row) =>
      target.kind === "values" ? (target.values[at(row)] as number) : Number(target.classes[row] === place),
    );
    const groups = groupsOf(predicted, actual);
    const distance = groups.reduce((sum, group) => sum + group.rows * Math.abs(group.predicted - group.actual), 0);
    return {
      name: coordinateName(component, place),
      groups,
      calibrationError: distance / target.rows,
      ...(loss === "mse" && { residuals: residualsOf(predicted.map((value, row) => value - (actual[row] as number))) }),
    };
  });
}

export function coordinateName({ output }: Pick<Component, "output">, place: number): string {
  return output.classes?.[place] ?? (output.width === 1 ? output.name : `${output.name}[${place}]`);
}

/** Divides rows by their predictions. */
function groupsOf(predicted: Float64Array, actual: Float64Array): FitGroup[] {
  const order = Array.from(predicted.keys()).sort(
    (a, b) => (predicted[a] as number) - (predicted[b] as number) || a - b,
  );
  const groups: FitGroup[] = [];
  let start = 0;
  for (let group = 1; group <= GROUPS; group++) {
    let end = Math.max(start, Math.round((group * order.length) / GROUPS));
    while (end > start && end < order.length && valueAt(predicted, order, end) === valueAt(predicted, order, end - 1)) {
      end++;
    }
    if (end === start) continue;
    const rows = order.slice(start, end);
    groups.push({
      rows: rows.length,
      predicted: mean(rows.map((row) => predicted[row] as number)),
      actual: mean(rows.map((row) => actual[row] as number)),
    });
    start = end;
  }
  return groups;
}

const valueAt = (values: Float64Array, order: readonly number[], place: number) => values[order[place] as number];

function residualsOf(residuals: Float64Array): ResidualSummary {
  const sorted = residuals.slice().sort();
  const center = mean(residuals);
  const variance = mean(residuals.map((value) => square(value - center)));
  const low = quantile(sorted, 0.005);
  const width = (quantile(sorted, 0.995) - low || 1) / BINS;
  const counts = new Array<number>(BINS).fill(0);
  for (const value of residuals) {
    const bin = Math.max(0, Math.min(BINS - 1, Math.floor((value - low) / width)));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return {
    mean: center,
    standardDeviation: Math.sqrt(variance),
    quantiles: QUANTILES.map((probability) => quantile(sorted, probability)),
    edges: Array.from({ length: BINS + 1 }, (_, edge) => low + edge * width),
    shares: counts.map((count) => count / residuals.length),
  };
}
